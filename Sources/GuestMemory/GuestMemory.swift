import CLinux
public import LinuxSystem

/// The guest's RAM: one host mapping, seen by the guest as a stretch from address 0 and, where it is larger than
/// what fits below the hole for devices, a second one from 4 GiB on.
///
/// Sendable: what is stored here never changes after `init`; the bytes are shared with the guest's processors, which
/// write them at any time, so no code may assume that two reads of the same byte agree. Copy in, check, use.
public final class GuestMemory: @unchecked Sendable {
  /// Where the hole for memory-mapped devices begins; it ends at 4 GiB.
  public static let holeStart: UInt64 = 0xC000_0000
  /// Where RAM continues above the hole.
  public static let highStart: UInt64 = 0x1_0000_0000

  /// Bytes of RAM in all.
  public let size: UInt64
  let base: UnsafeMutableRawPointer
  private let mapping: MappedMemory
  private let lowSize: UInt64
  private let highSize: UInt64

  /// Reserves `size` bytes, which take host memory only where touched.
  /// - Throws: ENOMEM when the host's address space or overcommit policy does not allow it.
  public init(size: UInt64) throws(SystemError) {
    let count = Int(clamping: size)
    let mapping = try MappedMemory(anonymous: count)
    base = mapping.base
    self.mapping = mapping
    self.size = size
    lowSize = min(size, GuestMemory.holeStart)
    highSize = size - lowSize
  }

  /// Keeps the guest's memory out of other processes and out of core dumps.
  public func keepToThisProcess() throws(SystemError) { try mapping.keepToThisProcess() }

  /// The stretches of RAM, in ascending order; none is empty.
  public var ranges: [(start: GuestAddress, count: UInt64)] {
    var ranges = [(start: GuestAddress(0), count: lowSize)]
    if highSize > 0 { ranges.append((GuestAddress(GuestMemory.highStart), highSize)) }
    return ranges
  }

  /// The host's address of each stretch, for the one who makes memory slots of them.
  package var hostRanges: [(start: GuestAddress, host: UnsafeMutableRawPointer, count: UInt64)] {
    var offset: UInt64 = 0
    return ranges.map { range in
      defer { offset += range.count }
      return (range.start, base + Int(offset), range.count)
    }
  }

  /// The `count` bytes at `address`.
  /// - Throws: `unbacked` unless all of them are RAM of one stretch.
  @inline(__always)
  public func slice(at address: GuestAddress, count: UInt64) throws(GuestMemoryError) -> GuestSlice {
    let offset = address.value
    if count <= lowSize, offset <= lowSize &- count {
      return GuestSlice(offset: Int(offset), count: Int(count))
    }
    let high = offset &- GuestMemory.highStart
    if offset >= GuestMemory.highStart, count <= highSize, high <= highSize &- count {
      return GuestSlice(offset: Int(lowSize &+ high), count: Int(count))
    }
    throw .unbacked(address, count: count)
  }

  /// The host pointer of a slice's bytes, checked against this memory: a slice made by another, larger memory traps.
  @inline(__always)
  func pointer(_ slice: GuestSlice) -> UnsafeMutableRawPointer {
    precondition(slice.count <= mapping.count && slice.offset <= mapping.count - slice.count)
    return base + slice.offset
  }
}
