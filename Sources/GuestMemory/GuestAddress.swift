/// A guest-physical address, in bytes. Whether RAM is there is for ``GuestMemory`` to say.
public struct GuestAddress: Hashable, Comparable, Sendable {
  public let value: UInt64

  public init(_ value: UInt64) { self.value = value }

  /// The address `count` bytes further; nil where that passes the end of the address space.
  public func advanced(by count: UInt64) -> GuestAddress? {
    let (sum, overflow) = value.addingReportingOverflow(count)
    return overflow ? nil : GuestAddress(sum)
  }

  public static func < (left: GuestAddress, right: GuestAddress) -> Bool { left.value < right.value }
}

extension GuestAddress: CustomStringConvertible {
  public var description: String { "0x" + String(value, radix: 16) }
}

/// Why an access to guest memory was refused.
public enum GuestMemoryError: Error, Sendable, Equatable {
  /// Not all of these `count` bytes are RAM, or they pass the end of one stretch of it.
  case unbacked(GuestAddress, count: UInt64)
  /// An atomic access needs an address that is a multiple of its size.
  case misaligned(GuestAddress)
  /// The access passes the end of the slice it was made in.
  case outOfSlice
}

/// A range that was checked to be RAM of one ``GuestMemory``, and stays so as long as that lives.
///
/// A value without a pointer: every use names the memory, which checks the range against its own size again.
public struct GuestSlice: Sendable, Equatable {
  /// Bytes from the start of the host's mapping.
  let offset: Int
  /// Length in bytes.
  public let count: Int

  init(offset: Int, count: Int) {
    self.offset = offset
    self.count = count
  }

  public static let empty = GuestSlice(offset: 0, count: 0)

  /// A part of this slice.
  /// - Throws: `outOfSlice`.
  public func slice(from start: Int, count: Int) throws(GuestMemoryError) -> GuestSlice {
    guard start >= 0, count >= 0, start <= self.count, count <= self.count - start else { throw .outOfSlice }
    return GuestSlice(offset: offset + start, count: count)
  }
}
