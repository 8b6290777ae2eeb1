package import Devices

/// Programs of the host that connect to a named port, one after the other.
package final class FakePortHost: PortHost {
  private var waiting: [FakeStream] = []
  private var take: ((any HostStream) -> Void)?

  package init() {}

  package var isAwaiting: Bool { take != nil }

  package func connect(_ stream: FakeStream) {
    waiting.append(stream)
    handOver()
  }

  package func awaitPeer(_ take: @escaping (any HostStream) -> Void) {
    self.take = take
    handOver()
  }

  package func cease() { take = nil }

  /// Those who wait give up.
  package func forget() { waiting = [] }

  private func handOver() {
    guard let take, !waiting.isEmpty else { return }
    self.take = nil
    take(waiting.removeFirst())
  }
}

/// Speaks the control protocol of a console with ports over a ``FakeDriver``, as Linux does.
package final class PortDriver {
  /// Events of a control message (virtio 1.2, 5.3.6.2).
  package enum Event: UInt16 {
    case deviceReady = 0
    case add, remove, ready, console, resize, open, name
  }

  package struct Message: Equatable {
    package let event: UInt16
    package let port: UInt32
    package let value: UInt16
    package let more: [UInt8]

    package init(_ event: Event, _ port: UInt32, _ value: UInt16 = 1, _ more: [UInt8] = []) {
      self.event = event.rawValue
      self.port = port
      self.value = value
      self.more = more
    }

    init(_ bytes: [UInt8]) {
      port = bytes[..<4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
      event = UInt16(bytes[4]) | UInt16(bytes[5]) << 8
      value = UInt16(bytes[6]) | UInt16(bytes[7]) << 8
      more = Array(bytes.dropFirst(8))
    }
  }

  package let driver: FakeDriver
  package let device: ConsoleDevice
  package let output = FakeOutput()
  package let hosts: [FakePortHost]
  private var offered: [UInt32: FakeDriver.Buffer] = [:]
  private var places: [Int: [UInt32: FakeDriver.Buffer]] = [:]

  /// - Parameter names: of the ports beside the console.
  package init(
    _ names: [String] = ["data", "log"], size: ConsoleSize? = nil, hasConsole: Bool = true,
    makeDriver: (ConsoleDevice) throws -> FakeDriver = { try FakeDriver($0) }
  ) throws {
    hosts = names.map { _ in FakePortHost() }
    device = ConsoleDevice(
      output: hasConsole ? output : nil, size: size,
      ports: zip(names, hosts).map { (name: $0, host: $1) })
    driver = try makeDriver(device)
  }

  package static func receive(_ port: Int) -> Int { port == 0 ? 0 : 2 + 2 * port }
  package static func transmit(_ port: Int) -> Int { receive(port) + 1 }
  package static let controlReceive = 2
  package static let controlTransmit = 3

  /// Brings the device up as far as DRIVER_OK, with `buffers` for control messages.
  package func start(buffers: Int = 8, without: UInt64 = 0) throws {
    offered = [:]
    places = [:]
    try driver.start(queues: device.identity.queueSizes.count, without: without)
    for _ in 0..<buffers { try offerControl() }
  }

  /// As Linux does when it finds the device: up to ports that are ready, with all messages taken on the way.
  package func startAndAdd() throws {
    try start()
    _ = driver.takeViolations()
    try send(.deviceReady, UInt32.max)
    for message in try messages() where message.event == Event.add.rawValue { try send(.ready, message.port) }
    for message in try messages() where message.event == Event.console.rawValue {
      try send(.open, message.port)
    }
  }

  package func offerControl(_ size: Int = 256) throws {
    let buffer = driver.writable(size)
    let head = try driver.writeChain(Self.controlReceive, [buffer])
    offered[UInt32(head)] = buffer
    try driver.makeAvailable(Self.controlReceive, head)
    driver.notify(Self.controlReceive)
  }

  package func send(_ event: Event, _ port: UInt32, _ value: UInt16 = 1) throws {
    try send(event.rawValue, port, value)
  }

  package func send(_ event: UInt16, _ port: UInt32, _ value: UInt16) throws {
    var bytes = (0..<4).map { UInt8(truncatingIfNeeded: port >> (8 * $0)) }
    for field in [event, value] { bytes += [UInt8(truncatingIfNeeded: field), UInt8(field >> 8)] }
    try sendBytes(bytes)
  }

  package func sendBytes(_ bytes: [UInt8]) throws {
    _ = try driver.submit(Self.controlTransmit, [driver.readable(bytes)])
  }

  /// Messages of the device since the last call; their buffers are offered again where `again`.
  package func messages(again: Bool = true) throws -> [Message] {
    var messages: [Message] = []
    while case let used = try driver.takeUsed(Self.controlReceive), !used.isEmpty {
      for one in used {
        guard let buffer = offered.removeValue(forKey: one.head) else { continue }
        messages.append(Message(try driver.bytes(buffer, Int(one.written))))
      }
      if again { for _ in used { try offerControl() } }
    }
    return messages
  }

  /// Offers a buffer for input.
  package func offer(_ port: Int, _ size: Int = 64) throws {
    let buffer = driver.writable(size)
    let queue = Self.receive(port)
    let head = try driver.writeChain(queue, [buffer])
    places[queue, default: [:]][UInt32(head)] = buffer
    try driver.makeAvailable(queue, head)
    driver.notify(queue)
  }

  /// Input since the last call.
  package func input(_ port: Int) throws -> [UInt8] {
    let queue = Self.receive(port)
    var bytes: [UInt8] = []
    for used in try driver.takeUsed(queue) {
      guard let buffer = places[queue]?.removeValue(forKey: used.head) else { continue }
      bytes += try driver.bytes(buffer, Int(used.written))
    }
    return bytes
  }

  /// Writes to a port.
  /// - Returns: how many buffers the device has given back since the last call.
  package func write(_ port: Int, _ text: String) throws -> Int {
    try driver.submit(Self.transmit(port), [driver.readable(Array(text.utf8))]).count
  }
}
