import DeviceFakes
import Devices
import LinuxSystem

extension FuzzTarget {
  /// A serial port between a guest and a host that do anything: no byte is made up or put out of order, and it works
  /// for a driver that sets it up anew.
  static func serial(_ bytes: [UInt8]) throws {
    let host = FakeSerialHost()
    let line = RecordingLine()
    let port = Serial16550(host: host, line: line)
    var script = Script(bytes)
    var sent: [UInt8] = []
    var offered: [UInt8] = []
    var received: [UInt8] = []
    var next: UInt8 = 0
    while !script.isAtEnd {
      let register = UInt64(script.byte())
      switch register >> 3 {
      case 0...7:
        let value = script.byte()
        if register & 7 == 0 { (sent, offered) = (sent + [value], offered + [value]) }
        port.writeByte(offset: register & 7, value: value)
      case 8...15:
        let value = port.readByte(offset: register & 7)
        if register & 7 == 0 { received.append(value) }
        if register & 7 == 5 { try check(value & ~0x63 == 0, "a line status of \(value)") }
      case 16:
        let typed = (0..<(register & 7) * 3).map { UInt8($0) &+ next }
        let count = port.receive(typed)
        try check(
          (0...typed.count).contains(count) && count <= 16, "\(count) of \(typed.count) bytes accepted")
        offered += typed.prefix(count)
        next &+= UInt8(count)
      case 17: host.makeRoom(Int(register & 7))
      default: port.resumeTransmit()
      }
    }
    try check(isPart(host.bytes, of: sent), "sent what was not written, or in another order")
    // An empty receiver reads as 0, the divisor as it was set.
    try check(received.count <= bytes.count, "more reads than asked for")
    try checkWorks(port, host, line)
  }

  private static func checkWorks(_ port: Serial16550, _ host: FakeSerialHost, _ line: RecordingLine) throws {
    host.makeRoom(.max)
    port.resumeTransmit()
    for (register, value) in [(3, 3), (1, 0), (2, 0x87), (4, 2)] as [(UInt64, UInt8)] {
      port.writeByte(offset: register, value: value)
    }
    for register in [2, 5, 6] as [UInt64] { _ = port.readByte(offset: register) }
    _ = line.take()
    port.writeByte(offset: 1, value: 1)
    try check(port.receive([0x61, 0x62]) == 2 && line.take() == 1, "no interrupt for what was received")
    try check(port.readByte(offset: 2) & 0xf == 0xc, "the interrupt is not for what was received")
    try check([port.readByte(offset: 0), port.readByte(offset: 0)] == [0x61, 0x62], "other bytes received")
    try check(port.readByte(offset: 5) == 0x60, "the port is not idle")
    let before = host.bytes.count
    port.writeByte(offset: 0, value: 0x7a)
    try check(Array(host.bytes.dropFirst(before)) == [0x7a], "what is written is not sent")
    let reports = host.roomReports
    try check(port.receive([UInt8](repeating: 1, count: 20)) == 16, "another FIFO than 16 bytes")
    for _ in 0..<16 { _ = port.readByte(offset: 0) }
    try check(host.roomReports == reports + 1, "the host is not told of room")
  }

  /// Whether `part` is `whole` with some left out.
  private static func isPart(_ part: [UInt8], of whole: [UInt8]) -> Bool {
    var rest = whole[...]
    for byte in part {
      guard let place = rest.firstIndex(of: byte) else { return false }
      rest = rest[(place + 1)...]
    }
    return true
  }

  /// The single registers of a PC's ports: reset line, clock, power, boot timer.
  static func platform(_ bytes: [UInt8]) throws {
    let events = RecordingEvents()
    let clock = CMOSClock(memorySize: 64 << 20) { 951_868_799 }
    let ports = try portBus(events, clock)
    var script = Script(bytes)
    var expected: [GuestEvent] = []
    while !script.isAtEnd {
      let choice = script.byte()
      let base = [0x60, 0x70, 0x600] as [UInt64]
      let address = base[Int(choice >> 3) % 3] + UInt64(choice & 7)
      let width = AccessWidth.allCases[Int(choice >> 6)]
      let value = script.bytes(Int(width.bytes)).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
      try check(ports.read(address: address, width: width) & ~width.mask == 0, "a read wider than asked")
      guard ports.write(address: address, width: width, value: value) else { continue }
      for index in 0..<width.bytes {
        expected += event(at: address + index, UInt8(truncatingIfNeeded: value >> (8 * index)))
      }
    }
    try check(events.take() == expected, "events that were not asked for, or the other way round")
    // 2000-02-29 23:59:59, a Tuesday, in binary and on 24 hours.
    let fields: [(UInt8, UInt8)] = [
      (0x0b, 6), (0, 59), (2, 59), (4, 23), (6, 3), (7, 29), (8, 2), (9, 0), (0x32, 20), (0x0d, 0x80),
    ]
    clock.writeByte(offset: 0, value: 0x0b)
    clock.writeByte(offset: 1, value: 6)
    for (index, value) in fields {
      clock.writeByte(offset: 0, value: index)
      let found = clock.readByte(offset: 1)
      try check(found == value, "clock register \(index) is \(found), not \(value)")
    }
  }

  private static func portBus(_ events: RecordingEvents, _ clock: CMOSClock) throws -> Bus {
    var builder = BusBuilder()
    try builder.insert(I8042(events: events), at: 0x60, size: 5, name: "i8042")
    try builder.insert(clock, at: 0x70, size: 2, name: "clock")
    try builder.insert(PowerControl(events: events), at: 0x600, size: 3, name: "power")
    try builder.insert(BootTimer(events: events), at: 0x603, size: 1, name: "boot timer")
    return builder.build()
  }

  private static func event(at port: UInt64, _ value: UInt8) -> [GuestEvent] {
    switch port {
    case 0x64 where value == 0xfe: [.reset]
    case 0x600 where value & 0x3c == 0x34: [.powerOff]
    case 0x602: [.workloadStatus(value)]
    case 0x603: [.bootMark(value)]
    default: []
    }
  }

  /// The I/O APIC, compared with a table of 24 numbers.
  static func interruptController(_ bytes: [UInt8]) throws {
    let sink = MessageSink()
    let events = RecordingEvents()
    let chip = IOAPIC(sink: sink, events: events)
    var script = Script(bytes)
    var index: UInt64 = 0
    var pins = [UInt64](repeating: 1 << 16, count: IOAPIC.pinCount)
    var pending: Set<Int> = []
    while !script.isAtEnd {
      let choice = script.byte()
      var sounding: Int?
      switch choice % 4 {
      case 0:
        index = UInt64(script.byte())
        chip.write(offset: 0, width: .double, value: index)
      case 1:
        let value = script.bytes(4).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        chip.write(offset: 0x10, width: .double, value: value)
        guard 0x10..<0x40 ~= index else { break }
        let pin = Int(index - 0x10) / 2
        let entry = pins[pin]
        pins[pin] =
          index & 1 == 1 ? entry & 0xffff_ffff | value << 32 : entry & ~0xffff_ffff | value & ~0x5000
        if pins[pin] & 1 << 16 == 0, pending.remove(pin) != nil { sounding = pin }
      case 2:
        let pin = Int(script.byte() % 32)
        try check((chip.line(pin) != nil) == pins.indices.contains(pin), "pin \(pin)")
        guard let line = chip.line(pin) else { break }
        line.trigger()
        if pins[pin] & 1 << 16 == 0 { sounding = pin } else { pending.insert(pin) }
      default:
        let width = AccessWidth.allCases[Int(choice >> 6)]
        let found = chip.read(offset: UInt64(choice >> 2 & 7) * 8, width: width)
        try check(found & ~width.mask == 0, "a read wider than asked")
        if width == .byte { chip.write(offset: UInt64(choice >> 2) * 8, width: width, value: found) }
      }
      try check(
        sink.messages.take() == sounding.map { [message(pins[$0])] } ?? [], "messages after \(choice)")
      if 0x10..<0x40 ~= index {
        let half = pins[Int(index - 0x10) / 2] >> (index & 1 == 1 ? 32 : 0) & 0xffff_ffff
        try check(chip.read(offset: 0x10, width: .double) == half, "entry \(index) is not what was written")
      }
    }
  }

  /// Vector, delivery mode and trigger in the data; destination and its mode in the address.
  private static func message(_ entry: UInt64) -> String {
    let address = 0xfee0_0000 | (entry >> 56) << 12 | (entry >> 11 & 1) << 2
    let data = entry & 0x7ff | (entry >> 15 & 1) * 0xc000
    return String(address, radix: 16) + " " + String(data, radix: 16)
  }
}

private final class MessageSink: MessageInterruptSink {
  let messages = RecordingMessages()
  func signal(address: UInt64, data: UInt32) { messages.add(address, data) }
}
