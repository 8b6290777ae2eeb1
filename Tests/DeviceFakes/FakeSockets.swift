package import Devices
package import GuestMemory

/// The host's end of a vsock connection, driven by hand.
package final class FakeStream: VsockStream {
  package var toRead: [UInt8] = []
  package var atEnd = false
  package var room = Int.max
  package private(set) var written: [UInt8] = []
  package private(set) var hasFinished = false
  package private(set) var isClosed = false
  package private(set) var acceptedPort: UInt32?
  private var handler: ((StreamReadiness) -> Void)?

  package init() {}

  package func become(_ readiness: StreamReadiness) { handler?(readiness) }

  package func begin(_ handler: @escaping (StreamReadiness) -> Void) { self.handler = handler }
  package func accepted(port: UInt32) { acceptedPort = port }
  package func finishWriting() { hasFinished = true }
  package func close() {
    isClosed = true
    handler = nil
  }

  package func read(into slices: [GuestSlice], of memory: GuestMemory) -> StreamRead {
    if toRead.isEmpty { return atEnd ? .end : .none }
    var count = 0
    for slice in slices {
      let part = Array(toRead.prefix(slice.count))
      try? memory.copyIn(part.span, to: slice)
      toRead.removeFirst(part.count)
      count += part.count
    }
    return .bytes(count)
  }

  package var isExhausted: Bool { toRead.isEmpty && atEnd }

  package func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int? {
    take(slices.flatMap { memory.bytes($0) })
  }

  package func write(_ bytes: Span<UInt8>) -> Int? { take(bytes.indices.map { bytes[$0] }) }

  private func take(_ bytes: [UInt8]) -> Int {
    let part = bytes.prefix(room)
    if room != Int.max { room -= part.count }
    written += part
    return part.count
  }
}

package final class FakeListeners: VsockHost {
  private struct Made {
    weak var stream: FakeStream?
  }
  private let streams: [UInt32: FakeStream]
  private var made: [Made] = []
  package init(_ streams: [UInt32: FakeStream]) { self.streams = streams }

  /// Has a stream for everybody who asks for this port.
  package static let crowd: UInt32 = 9999

  package func connect(toPort port: UInt32) -> (any VsockStream)? {
    guard port == Self.crowd else { return streams[port] }
    let stream = FakeStream()
    made.append(Made(stream: stream))
    return stream
  }

  /// The streams to the crowd that somebody still holds.
  package var alive: Int { made.count { $0.stream != nil } }
}

/// Makes devices and drivers for them.
package struct FakeGuestSockets {
  package static let guestCID: UInt32 = 3

  package init() {}

  package func start(
    listening: [UInt32: FakeStream] = [:], receiveBuffers: Int = 100
  ) throws -> (VsockDriver, VsockDevice) {
    let listeners = FakeListeners(listening)
    let device = VsockDevice(guestCID: Self.guestCID, host: listeners)
    device.whenThereIsMore { [unowned device] in while device.exchange() {} }
    let driver = VsockDriver(try FakeDriver(device), listeners)
    try driver.driver.start(queues: 3)
    for _ in 0..<receiveBuffers { try driver.offerBuffer() }
    return (driver, device)
  }
}

/// Speaks packets over a ``FakeDriver``.
@dynamicMemberLookup package final class VsockDriver {
  package enum Operation: UInt16 {
    case request = 1
    case response, reset, shutdown, data, creditUpdate, creditRequest
  }

  package struct Packet {
    package let host: UInt32
    package let guest: UInt32
    package let operation: Operation?
    package let flags: UInt32
    package let allocation: UInt32
    package let forwarded: UInt32
    package let data: [UInt8]
  }

  package let driver: FakeDriver
  package let listeners: FakeListeners
  private var offered: [UInt32: FakeDriver.Buffer] = [:]
  private var arrived: [Packet] = []

  package init(_ driver: FakeDriver, _ listeners: FakeListeners) {
    self.driver = driver
    self.listeners = listeners
  }

  package subscript<Value>(dynamicMember path: KeyPath<FakeDriver, Value>) -> Value { driver[keyPath: path] }
  package func write(_ register: UInt64, _ value: UInt32) { driver.write(register, value) }
  package func readable(_ bytes: [UInt8]) throws -> FakeDriver.Buffer { try driver.readable(bytes) }
  package func writable(_ count: Int) -> FakeDriver.Buffer { driver.writable(count) }
  package func submit(_ queue: Int, _ buffers: [FakeDriver.Buffer]) throws -> [FakeDriver.Used] {
    try driver.submit(queue, buffers)
  }
  package func takeUsed(_ queue: Int) throws -> [FakeDriver.Used] { try driver.takeUsed(queue) }
  package func takeViolations() -> [DriverViolation] { driver.takeViolations() }

  /// Gives the device a receive buffer.
  package func offerBuffer() throws {
    try collect()
    let buffer = driver.writable(4096)
    let head = try driver.writeChain(0, [buffer])
    offered[UInt32(head)] = buffer
    try driver.makeAvailable(0, head)
    driver.notify(0)
    try collect()
  }

  /// Sends a packet in a header and a data buffer.
  /// - Parameter notifying: false leaves it in the queue until the next one.
  package func send(
    _ operation: Operation, host: UInt32, guest: UInt32, data: [UInt8] = [], flags: UInt32 = 0,
    allocation: UInt32 = 1 << 16, forwarded: UInt32 = 0, notifying: Bool = true
  ) throws {
    var header: [UInt8] = []
    func put(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.littleEndian) { header += $0 } }
    put(UInt64(FakeGuestSockets.guestCID))
    put(UInt64(2))
    put(guest)
    put(host)
    put(UInt32(data.count))
    put(UInt16(1))
    put(operation.rawValue)
    put(flags)
    put(allocation)
    put(forwarded)
    var buffers = [try driver.readable(header)]
    if !data.isEmpty { buffers.append(try driver.readable(data)) }
    try driver.makeAvailable(1, driver.writeChain(1, buffers))
    if notifying { driver.notify(1) }
  }

  /// The next packet of the device; nil if there is none.
  package func receive() throws -> Packet? {
    try collect()
    return arrived.isEmpty ? nil : arrived.removeFirst()
  }

  package func receiveAll() throws -> [Packet] {
    try collect()
    defer { arrived = [] }
    return arrived
  }

  private func collect() throws {
    for used in try driver.takeUsed(0) {
      guard let buffer = offered.removeValue(forKey: used.head) else { continue }
      let bytes = try driver.bytes(buffer, Int(used.written))
      func field<Field: FixedWidthInteger>(_ place: Int, _ type: Field.Type) -> Field {
        bytes.withUnsafeBytes { Field(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: type)) }
      }
      arrived.append(
        Packet(
          host: field(16, UInt32.self), guest: field(20, UInt32.self),
          operation: Operation(rawValue: field(30, UInt16.self)), flags: field(32, UInt32.self),
          allocation: field(36, UInt32.self), forwarded: field(40, UInt32.self),
          data: Array(bytes.dropFirst(44))))
    }
  }
}
