import DeviceFakes
import Devices
import Testing

@Suite struct BusTests {
  final class Recorder: BusDevice {
    func read(offset: UInt64, width: AccessWidth) -> UInt64 { 0x1122_3344_5566_7788 &+ offset }
    func write(offset: UInt64, width: AccessWidth, value: UInt64) {}
  }

  @Test func accessMustLieInOneDevice() throws {
    var builder = BusBuilder()
    try builder.insert(Recorder(), at: 0x1000, size: 4, name: "a")
    try builder.insert(Recorder(), at: 0x1004, size: 4, name: "b", registerOffset: 0x10)
    let bus = builder.build()
    #expect(bus.read(address: 0x1000, width: .byte) == 0x88)
    #expect(bus.read(address: 0x1004, width: .double) == 0x5566_7798)
    #expect(bus.read(address: 0x1002, width: .double) == 0xFFFF_FFFF)
    #expect(bus.read(address: 0xFFF, width: .word) == 0xFFFF)
    #expect(bus.read(address: 0x1008, width: .byte) == 0xFF)
    #expect(bus.read(address: .max, width: .quad) == .max)
    #expect(bus.write(address: 0x1007, width: .byte, value: 0))
    #expect(!bus.write(address: 0x1007, width: .word, value: 0))
  }

  @Test func overlapsAreRefused() throws {
    var builder = BusBuilder()
    try builder.insert(Recorder(), at: 0x1000, size: 0x100, name: "a")
    #expect(throws: BusError.overlap(name: "b", with: "a")) {
      try builder.insert(Recorder(), at: 0x10FF, size: 1, name: "b")
    }
    #expect(throws: BusError.overlap(name: "c", with: "a")) {
      try builder.insert(Recorder(), at: 0xF00, size: 0x101, name: "c")
    }
    #expect(throws: BusError.invalidRange(name: "d", start: .max, size: 2)) {
      try builder.insert(Recorder(), at: .max, size: 2, name: "d")
    }
    try builder.insert(Recorder(), at: 0x1100, size: 1, name: "e")
  }
}

@Suite struct PowerTests {
  @Test func portsBecomeEvents() {
    let events = RecordingEvents()
    let power = PowerControl(events: events)
    power.write(offset: 2, width: .byte, value: 42)
    power.write(offset: 0, width: .byte, value: 0x14)
    power.write(offset: 0, width: .byte, value: 0x34)
    BootTimer(events: events).write(offset: 0, width: .byte, value: 2)
    let keyboard = I8042(events: events)
    keyboard.write(offset: 0, width: .byte, value: 0xFE)
    keyboard.write(offset: 4, width: .byte, value: 0xFE)
    #expect(keyboard.read(offset: 4, width: .byte) == 0)
    #expect(events.take() == [.workloadStatus(42), .powerOff, .bootMark(2), .reset])
  }
}

@Suite struct CMOSClockTests {
  func register(_ clock: CMOSClock, _ index: UInt64) -> UInt64 {
    clock.write(offset: 0, width: .byte, value: index)
    return clock.read(offset: 1, width: .byte)
  }

  @Test func tellsTheTimeInEveryFormat() {
    // 2024-02-29 (a Thursday) 23:59:58 UTC.
    let clock = CMOSClock(memorySize: 128 << 20) { 1_709_251_198 }
    #expect(register(clock, 0) == 0x58)
    #expect(register(clock, 2) == 0x59)
    #expect(register(clock, 4) == 0x23)
    #expect(register(clock, 6) == 5)
    #expect(register(clock, 7) == 0x29)
    #expect(register(clock, 8) == 2)
    #expect(register(clock, 9) == 0x24)
    #expect(register(clock, 0x32) == 0x20)
    #expect(register(clock, 0x0A) & 0x80 == 0)
    #expect(register(clock, 0x0D) == 0x80)
    clock.write(offset: 0, width: .byte, value: 0x0B)
    clock.write(offset: 1, width: .byte, value: 0x04)
    #expect(register(clock, 0) == 58)
    #expect(register(clock, 4) == 11 | 0x80)
  }

  @Test func sizesOfMemory() {
    let clock = CMOSClock(memorySize: 128 << 20) { 0 }
    #expect(register(clock, 0x15) | register(clock, 0x16) << 8 == 640)
    #expect(register(clock, 0x17) | register(clock, 0x18) << 8 == 0xFFFF)
    #expect(register(clock, 0x34) | register(clock, 0x35) << 8 == 112 * 16)
  }

  @Test func fieldsBelongTogether() {
    let ticks = RecordingLine()
    // One second before midnight at the first look, midnight after.
    let clock = CMOSClock(memorySize: 1 << 20) {
      ticks.trigger()
      return ticks.count == 1 ? 86_399 : 86_400
    }
    clock.write(offset: 0, width: .byte, value: 0)
    #expect(clock.read(offset: 1, width: .byte) == 0x59)
    #expect(register(clock, 4) == 0x23)
    #expect(register(clock, 7) == 0x01)
  }
}

@Suite struct IOAPICTests {
  final class Sink: MessageInterruptSink {
    let messages = RecordingMessages()
    func signal(address: UInt64, data: UInt32) { messages.add(address, data) }
  }

  func write(_ chip: IOAPIC, _ index: UInt64, _ value: UInt64) {
    chip.write(offset: 0, width: .double, value: index)
    chip.write(offset: 0x10, width: .double, value: value)
  }

  @Test func edgesBecomeMessages() throws {
    let sink = Sink()
    let chip = IOAPIC(sink: sink, events: RecordingEvents())
    let line = try #require(chip.line(5))
    #expect(chip.line(24) == nil)
    line.trigger()
    #expect(sink.messages.take().isEmpty)
    write(chip, 0x1B, 0x0300_0000)
    write(chip, 0x1A, 0x31)
    #expect(sink.messages.take() == ["fee03000 31"])
    line.trigger()
    line.trigger()
    #expect(sink.messages.take() == ["fee03000 31", "fee03000 31"])
    write(chip, 0x1A, 0x8931)
    line.trigger()
    #expect(sink.messages.take() == ["fee03004 c131"])
  }

  @Test func reportsWhenEverythingIsMasked() {
    let events = RecordingEvents()
    let chip = IOAPIC(sink: Sink(), events: events)
    write(chip, 0x10, 0x20)
    write(chip, 0x12, 0x21)
    #expect(events.take().isEmpty)
    write(chip, 0x10, 0x1_0020)
    #expect(events.take().isEmpty)
    write(chip, 0x12, 0x1_0021)
    #expect(events.take() == [.interruptControllerMasked])
  }

  @Test func identifiesItself() {
    let chip = IOAPIC(sink: Sink(), events: RecordingEvents())
    write(chip, 0, 0xFFFF_FFFF)
    #expect(chip.read(offset: 0x10, width: .double) == 0x0F00_0000)
    chip.write(offset: 0, width: .double, value: 1)
    #expect(chip.read(offset: 0x10, width: .double) == 0x0017_0020)
    write(chip, 0x3F, 0xFFFF_FFFF)
    #expect(chip.read(offset: 0x10, width: .double) == 0xFFFF_FFFF)
    write(chip, 0x3E, 0xFFFF_FFFF)
    #expect(chip.read(offset: 0x10, width: .double) == 0xFFFF_AFFF)
    write(chip, 0x40, 0xFFFF_FFFF)
    #expect(chip.read(offset: 0x10, width: .double) == 0)
    #expect(chip.read(offset: 0x10, width: .byte) == 0xFF)
  }
}

@Suite struct PanicDeviceTests {
  @Test func panicsBecomeEvents() {
    let events = RecordingEvents()
    let device = PanicDevice(events: events)
    #expect(device.readByte(offset: 0) == 3)
    device.writeByte(offset: 0, value: 1)
    #expect(events.take() == [.panic])
    device.writeByte(offset: 0, value: 3)
    #expect(events.take() == [.crashKernelStarts])
    for other: UInt8 in [0, 4, 0xFC] { device.writeByte(offset: 0, value: other) }
    #expect(events.take() == [])
  }
}
