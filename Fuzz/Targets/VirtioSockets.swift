import DeviceFakes
import Devices

extension FuzzTarget {
  /// Stream sockets: any driver, packets of any kind, and programs of the host that come, read, write, stall and go. An
  /// honest driver has its connections afterwards, and no stream is left behind by a reset.
  static func virtioVsock(_ bytes: [UInt8]) throws {
    let host = FuzzedPrograms()
    let device = VsockDevice(guestCID: FakeGuestSockets.guestCID, host: host)
    device.whenThereIsMore { [unowned device] in while device.exchange() {} }
    let (driver, watch) = try watched(device)
    try run([0] + bytes, driver, watch, queues: 2) { script in
      switch script.byte() % 4 {
      case 0: disturb(&script, host, device)
      default: send(&script, driver)
      }
    }
    try checkLetGo(host)
    try checkConnections(VsockDriver(driver, FakeListeners([:])), host, device)
    try watch.check()
  }

  /// A packet whose fields are mostly those of a connection that may be.
  private static func send(_ script: inout Script, _ driver: FakeDriver) {
    let kind = script.byte()
    var packet = VsockPacket()
    packet.sourceCID = kind % 16 == 0 ? script.value() : UInt64(FakeGuestSockets.guestCID)
    packet.destinationCID = kind % 16 == 1 ? script.value() : 2
    packet.guestPort = UInt32(script.byte() % 3)
    // One in three is a port that the host has asked from.
    packet.hostPort = script.byte() % 3 == 0 ? 1 << 30 | UInt32(script.byte() % 4) : UInt32(script.byte() % 5)
    packet.operation = kind % 16 == 2 ? UInt16(truncatingIfNeeded: script.value()) : UInt16(script.byte() % 9)
    packet.type = kind % 16 == 3 ? UInt16(truncatingIfNeeded: script.value()) : 1
    packet.flags = UInt32(script.byte() % 5)
    packet.allocation = UInt32(truncatingIfNeeded: script.value())
    packet.forwarded = UInt32(truncatingIfNeeded: script.value())
    let data = [UInt8](repeating: 0x5A, count: Int(script.byte()) << Int(script.byte() % 8))
    packet.length = kind % 16 == 4 ? UInt32(truncatingIfNeeded: script.value()) : UInt32(data.count)
    // The fake driver never gives memory back. Rings that the script has spoilt may not take a packet.
    driver.reuseMemory()
    guard let header = try? driver.readable(packet.encoded), let body = try? driver.readable(data) else {
      return
    }
    _ = try? driver.submit(1, data.isEmpty ? [header] : [header, body])
    if kind & 0x40 == 0 { _ = try? driver.submit(0, [driver.writable(44 + Int(script.byte()) * 16)]) }
  }

  private static func disturb(_ script: inout Script, _ host: FuzzedPrograms, _ device: VsockDevice) {
    let number = Int(script.byte())
    let stream = host.streams.isEmpty ? nil : host.streams[number % host.streams.count]
    switch script.byte() % 8 {
    case 0: if let stream = host.makeStream(0) { device.open(stream, toPort: UInt32(number % 3)) }
    case 1, 2:
      stream?.toRead += script.bytes(script.number(below: 64))
      stream?.become(.read)
    case 3: stream?.room = Int(script.byte())
    case 4: stream?.become(.write)
    case 5:
      stream?.atEnd = true
      stream?.become(script.byte() % 2 == 0 ? .read : [.read, .write, .hungUp])
    case 6: host.refuses.toggle()
    default: while device.exchange() {}
    }
  }

  /// After a reset a stream is closed, or is as soon as its program has taken what was sent before.
  private static func checkLetGo(_ host: FuzzedPrograms) throws {
    for stream in host.streams {
      stream.room = .max
      stream.become(.write)
      try check(stream.isClosed, "a stream outlives the reset")
    }
    host.forget()
  }

  /// A connection from either side carries bytes both ways and ends.
  private static func checkConnections(
    _ driver: VsockDriver, _ host: FuzzedPrograms, _ device: VsockDevice
  ) throws {
    driver.driver.reuseMemory()
    for _ in 0..<8 { try driver.offerBuffer() }
    try driver.send(.request, host: 1, guest: 7)
    try check(try driver.receive()?.operation == .response, "no more connections of the guest")
    try checkCarries(driver, host, hostPort: 1, guestPort: 7)
    guard let stream = host.makeStream(1) else { return }
    device.open(stream, toPort: 8)
    let request = try driver.receive()
    try check(request?.operation == .request && request?.guest == 8, "no more connections of the host")
    try driver.send(.response, host: request?.host ?? 0, guest: 8)
    try check(stream.acceptedPort == request?.host, "the host is not told that the guest accepts")
    try checkCarries(driver, host, hostPort: request?.host ?? 0, guestPort: 8)
    try check(driver.takeViolations().isEmpty, "an honest driver is blamed")
  }

  private static func checkCarries(
    _ driver: VsockDriver, _ host: FuzzedPrograms, hostPort: UInt32, guestPort: UInt32
  ) throws {
    guard let stream = host.streams.last else { throw Finding(description: "nobody was connected") }
    try driver.send(.data, host: hostPort, guest: guestPort, data: [1, 2, 3])
    try check(stream.written == [1, 2, 3], "the host does not get what was sent")
    stream.toRead = [4, 5]
    stream.become(.read)
    let packet = try driver.receive()
    try check(packet?.operation == .data && packet?.data == [4, 5], "the guest does not get what was sent")
    try driver.send(.shutdown, host: hostPort, guest: guestPort, flags: 3)
    try check(try driver.receive()?.operation == .reset && stream.isClosed, "a connection does not end")
  }
}

/// Programs of the host, one for each connection.
private final class FuzzedPrograms: VsockHost {
  /// More would make the look through them the most that an input costs.
  private static let limit = 64
  private(set) var streams: [FakeStream] = []
  var refuses = false

  func connect(toPort port: UInt32) -> (any VsockStream)? { makeStream(port) }

  func makeStream(_ port: UInt32) -> FakeStream? {
    guard !refuses, port < 4, streams.count < Self.limit else { return nil }
    streams.append(FakeStream())
    return streams.last
  }

  func forget() {
    streams = []
    refuses = false
  }
}

/// A header with any fields.
private struct VsockPacket {
  var sourceCID: UInt64 = 0
  var destinationCID: UInt64 = 0
  var guestPort: UInt32 = 0
  var hostPort: UInt32 = 0
  var length: UInt32 = 0
  var type: UInt16 = 0
  var operation: UInt16 = 0
  var flags: UInt32 = 0
  var allocation: UInt32 = 0
  var forwarded: UInt32 = 0

  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.put(sourceCID)
    bytes.put(destinationCID)
    bytes.put(guestPort)
    bytes.put(hostPort)
    bytes.put(length)
    bytes.put(type)
    bytes.put(operation)
    bytes.put(flags)
    bytes.put(allocation)
    bytes.put(forwarded)
    return bytes
  }
}
