import GuestMemory

/// Where the three parts of a split virtqueue lie, checked once (virtio 1.2, section 2.7).
struct QueueLayout: Sendable {
  /// The number of descriptors: a power of two, at most 32768.
  let size: UInt16
  /// 16 bytes for each descriptor.
  let descriptors: GuestSlice
  /// The driver's part: flags, index, `size` heads, used_event.
  let available: GuestSlice
  let availableIndex: GuestAddress
  /// The device's part: flags, index, `size` elements of 8 bytes, avail_event.
  let used: GuestSlice
  let usedIndex: GuestAddress

  /// - Throws: `queueSize`, `queueAlignment` or `queueMemory`.
  init(
    size: UInt32, maximum: UInt16, descriptors: UInt64, available: UInt64, used: UInt64,
    in memory: GuestMemory
  ) throws(DriverViolation) {
    guard size > 0, size <= maximum, size <= 32_768, size & (size - 1) == 0 else { throw .queueSize }
    guard descriptors % 16 == 0, available % 2 == 0, used % 4 == 0 else { throw .queueAlignment }
    let count = UInt64(size)
    do throws(GuestMemoryError) {
      self.descriptors = try memory.slice(at: GuestAddress(descriptors), count: 16 * count)
      self.available = try memory.slice(at: GuestAddress(available), count: 6 + 2 * count)
      self.used = try memory.slice(at: GuestAddress(used), count: 6 + 8 * count)
    } catch {
      throw .queueMemory
    }
    availableIndex = GuestAddress(available &+ 2)
    usedIndex = GuestAddress(used &+ 2)
    self.size = UInt16(size)
  }
}
