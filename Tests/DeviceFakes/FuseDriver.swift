import Devices
import GuestMemory

/// The file system driver of a guest, over a ``FakeDriver``.
package final class FuseDriver {
  package struct Reply: Equatable {
    /// Linux's error number; 0 for success.
    package let error: Int32
    package let body: [UInt8]

    /// The little-endian number at a place of the body.
    package func number<Number: FixedWidthInteger>(_ place: Int, _ type: Number.Type = UInt64.self) -> Number
    {
      body.dropFirst(place).prefix(Number.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Number($1) }
    }
  }

  package enum Operation: UInt32, CaseIterable {
    case lookUp = 1
    case forget, getAttributes, setAttributes, readLink, symbolicLink
    case makeNode = 8
    case makeDirectory, unlink, removeDirectory, rename, link, open, read, write, status, release
    case synchronize = 20
    case getAttribute = 22
    case initialize = 26
    case openDirectory, readDirectory, releaseDirectory, synchronizeDirectory
    case create = 35
    case interrupt
    case destroy = 38
    case batchForget = 42
    case allocate, readDirectoryPlus, renameWithFlags, seek
  }

  package let driver: FakeDriver
  private var unique: UInt64 = 1

  /// - Parameter begins: whether FUSE_INIT is done.
  package init(_ driver: FakeDriver, begins: Bool = true) throws {
    self.driver = driver
    try driver.start(queues: 2)
    if begins { _ = try initialize() }
  }

  package func initialize(major: UInt32 = 7, minor: UInt32 = 36, flags: UInt32 = .max) throws -> Reply? {
    var body: [UInt8] = []
    for field in [major, minor, 128 << 10, flags] { body.put(field) }
    return try request(.initialize, 0, body + [UInt8](repeating: 0, count: 48))
  }

  package static func header(
    _ operation: UInt32, _ node: UInt64, count: Int, unique: UInt64, extensions: UInt16 = 0
  ) -> [UInt8] {
    var header: [UInt8] = []
    header.put(UInt32(40 + count))
    header.put(operation)
    header.put(unique)
    header.put(node)
    for _ in 0..<3 { header.put(UInt32(0)) }
    header.put(extensions)
    header.put(UInt16(0))
    return header
  }

  /// Sends header and body in one buffer each, with room for a reply.
  /// - Returns: nil where the device gave no reply: it used the buffers without writing, or not at all.
  package func request(
    _ operation: Operation, _ node: UInt64 = 1, _ body: [UInt8] = [], room: Int = 4096
  ) throws -> Reply? {
    unique += 1
    let header = Self.header(operation.rawValue, node, count: body.count, unique: unique)
    var buffers = [try driver.readable(header)]
    if !body.isEmpty { buffers.append(try driver.readable(body)) }
    return try request(buffers, room: room)
  }

  /// - Parameter buffers: readable ones, whose header has the number that was used last.
  package func request(_ buffers: [FakeDriver.Buffer], room: Int) throws -> Reply? {
    let reply = [driver.writable(min(room, 20)), driver.writable(max(room - 20, 0))].filter { $0.length > 0 }
    guard let used = try driver.submit(1, buffers + reply).first, used.written >= 16 else { return nil }
    let bytes = try reply.flatMap { try driver.bytes($0) }.prefix(Int(used.written))
    let length = Array(bytes).number(0, UInt32.self)
    try check(length == used.written, "a reply of \(used.written) bytes says \(length)")
    let error = Int32(bitPattern: Array(bytes).number(4, UInt32.self))
    try check(error <= 0 && error > -512, "an error of \(error)")
    try check(error == 0 || used.written == 16, "an error with \(used.written) bytes")
    return Reply(error: -error, body: Array(bytes.dropFirst(16)))
  }

  /// Sends one that has no reply.
  package func tell(_ operation: Operation, _ node: UInt64, _ body: [UInt8]) throws -> [FakeDriver.Used] {
    unique += 1
    let header = Self.header(operation.rawValue, node, count: body.count, unique: unique)
    return try driver.submit(0, [driver.readable(header + body)])
  }
}

extension [UInt8] {
  package mutating func put(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { self += $0 }
  }

  /// Numbers one after the other, then text that each ends with a zero byte.
  package static func fuse(_ numbers: [any FixedWidthInteger], _ texts: String...) -> [UInt8] {
    var bytes: [UInt8] = []
    for number in numbers { bytes.put(number) }
    for text in texts { bytes += Array(text.utf8) + [0] }
    return bytes
  }

  fileprivate func number<Number: FixedWidthInteger>(_ place: Int, _ type: Number.Type) -> Number {
    dropFirst(place).prefix(Number.bitWidth / 8).reversed().reduce(0) { $0 << 8 | Number($1) }
  }
}
