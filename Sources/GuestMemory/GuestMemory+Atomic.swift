import CLinux
import Synchronization

/// The ring indices of virtio queues, which device and driver share (virtio 1.2, 2.7.13 and 2.7.14).
extension GuestMemory {
  /// Loads before which no later access is moved.
  public func loadAcquire(at address: GuestAddress) throws(GuestMemoryError) -> UInt16 {
    UInt16(littleEndian: try cell(address).pointee.load(ordering: .acquiring))
  }

  /// Stores after which no earlier access is moved.
  public func storeRelease(_ value: UInt16, at address: GuestAddress) throws(GuestMemoryError) {
    try cell(address).pointee.store(value.littleEndian, ordering: .releasing)
  }

  /// Orders every access before it against every one after it, stores against later loads too.
  public func fence() { atomicMemoryFence(ordering: .sequentiallyConsistent) }

  /// `Atomic<UInt16>` is two bytes that hold the number itself, so a pointer to it may be laid over guest RAM.
  private func cell(_ address: GuestAddress) throws(GuestMemoryError) -> UnsafePointer<Atomic<UInt16>> {
    guard address.value & 1 == 0 else { throw .misaligned(address) }
    let slice = try slice(at: address, count: 2)
    return UnsafePointer(pointer(slice).assumingMemoryBound(to: Atomic<UInt16>.self))
  }

  /// Stores `new` where a little-endian number is `old`, which the guest's processors may be changing meanwhile.
  /// - Returns: false, with nothing stored, where it is not.
  /// - Throws: `misaligned` unless `address` is a multiple of 8.
  public func exchange(
    _ old: UInt64, for new: UInt64, at address: GuestAddress
  ) throws(GuestMemoryError) -> Bool {
    guard address.value & 7 == 0 else { throw .misaligned(address) }
    let slice = try slice(at: address, count: 8)
    // `Atomic<UInt64>` is eight bytes that hold the number itself, as above.
    let cell = UnsafePointer(pointer(slice).assumingMemoryBound(to: Atomic<UInt64>.self))
    return cell.pointee.compareExchange(
      expected: old.littleEndian, desired: new.littleEndian, ordering: .sequentiallyConsistent
    ).exchanged
  }

  #if arch(x86_64)
  /// What the 16 bytes at `address` were, as two little-endian halves; they are `new` now if they were `old`.
  /// - Throws: `misaligned` unless `address` is a multiple of 16.
  public func compareExchange(
    at address: GuestAddress, from old: (UInt64, UInt64), to new: (UInt64, UInt64)
  ) throws(GuestMemoryError) -> (UInt64, UInt64) {
    guard address.value & 15 == 0 else { throw .misaligned(address) }
    let target = pointer(try slice(at: address, count: 16))
    let found = clinux_compare_exchange_16(
      target, clinux_halves(low: old.0, high: old.1), clinux_halves(low: new.0, high: new.1))
    return (found.low, found.high)
  }
  #endif
}
