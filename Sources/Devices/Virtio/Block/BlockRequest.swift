import GuestMemory

/// The header of a request (virtio 1.2, 5.2.6).
struct BlockRequest {
  enum Kind: UInt32 {
    case read = 0
    case write = 1
    case flush = 4
    case getIdentity = 8
    case discard = 11
    case writeZeroes = 13
  }

  enum Status: UInt8 {
    case ok = 0
    case ioError = 1
    case unsupported = 2
  }

  private static let headerLength = 16

  /// Nil for a kind that is unknown here.
  let kind: Kind?
  /// In units of 512 bytes.
  let sector: UInt64

  /// Nil if the readable part is too short for a header.
  init?(_ input: inout ChainCursor, _ memory: GuestMemory) {
    var header = InlineArray<16, UInt8>(repeating: 0)
    var span = header.mutableSpan
    guard input.read(into: &span, from: memory) == Self.headerLength else { return nil }
    kind = Kind(rawValue: UInt32(truncatingIfNeeded: littleEndian(header, 0, bytes: 4)))
    sector = littleEndian(header, 8, bytes: 8)
  }
}

/// One range of a discard or write zeroes request (5.2.6).
struct BlockSegment: Equatable {
  static let length = 16
  private static let unmap: UInt32 = 1

  /// In units of 512 bytes.
  let sector: UInt64
  let count: UInt32
  let mayUnmap: Bool
  let hasUnknownFlags: Bool

  /// Nil if nothing, or less than a whole one, is left.
  init?(_ input: inout ChainCursor, _ memory: GuestMemory) {
    var bytes = InlineArray<16, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    guard input.read(into: &span, from: memory) == Self.length else { return nil }
    sector = littleEndian(bytes, 0, bytes: 8)
    count = UInt32(truncatingIfNeeded: littleEndian(bytes, 8, bytes: 4))
    let flags = UInt32(truncatingIfNeeded: littleEndian(bytes, 12, bytes: 4))
    mayUnmap = flags & Self.unmap != 0
    hasUnknownFlags = flags & ~Self.unmap != 0
  }
}

private func littleEndian(_ array: InlineArray<16, UInt8>, _ start: Int, bytes: Int) -> UInt64 {
  var value: UInt64 = 0
  for index in (start..<start + bytes).reversed() { value = value << 8 | UInt64(array[index]) }
  return value
}
