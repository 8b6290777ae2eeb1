/// Decides what a driver does next: the bytes of a script, then zeros.
package struct Script {
  private let bytes: [UInt8]
  private let edge: UInt64
  private var place = 0

  /// - Parameter edge: a number that ``value()`` is often just below, such as the size of memory.
  package init(_ bytes: [UInt8], edge: UInt64 = 8 << 20) {
    self.bytes = bytes
    self.edge = edge
  }

  package var isAtEnd: Bool { place >= bytes.count }

  package mutating func byte() -> UInt8 {
    guard place < bytes.count else { return 0 }
    defer { place += 1 }
    return bytes[place]
  }

  /// As many bytes as the script still has, at most `count`.
  package mutating func bytes(_ count: Int) -> [UInt8] {
    defer { place = min(place + count, bytes.count) }
    return Array(bytes[place...].prefix(count))
  }

  package mutating func number(below limit: Int) -> Int { Int(byte()) % limit }

  /// A number that is often small, often at an edge, seldom just any.
  package mutating func value() -> UInt64 {
    switch byte() % 8 {
    case 0: 0
    case 1: UInt64(byte())
    case 2: 1 << UInt64(byte() % 64)
    case 3: (1 << UInt64(byte() % 64)) &- 1
    case 4: .max &- UInt64(byte())
    case 5: edge &- UInt64(byte())
    case 6: 0x1_0000 &* UInt64(byte())
    default: (0..<8).reduce(0) { value, _ in value << 8 | UInt64(byte()) }
    }
  }
}
