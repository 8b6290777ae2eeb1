public import GuestMemory

/// A request: buffers the driver filled, then buffers for the device to fill. Every buffer was checked to be RAM.
///
/// Given back by `SplitQueue.complete`, once.
public struct DescriptorChain: ~Copyable {
  /// The index of its first descriptor, by which the driver knows it.
  let head: UInt16
  public private(set) var readable: [GuestSlice]
  public private(set) var writable: [GuestSlice]
  /// Bytes in all readable buffers together, at most 2^32.
  public private(set) var readableCount = 0
  /// Bytes in all writable buffers together, at most 2^32.
  public private(set) var writableCount = 0
  private var hasWritable = false

  /// An empty chain that uses the storage of the two arrays.
  init(head: UInt16, reusing readable: consuming [GuestSlice], _ writable: consuming [GuestSlice]) {
    self.head = head
    self.readable = readable
    self.writable = writable
    self.readable.removeAll(keepingCapacity: true)
    self.writable.removeAll(keepingCapacity: true)
  }

  mutating func append(_ buffer: GuestSlice, isWritable: Bool) throws(DriverViolation) {
    guard isWritable || !hasWritable else { throw .chainOrder }
    hasWritable = isWritable
    guard readableCount + writableCount + buffer.count <= 1 << 32 else { throw .chainSize }
    if buffer.count == 0 { return }
    if isWritable {
      writable.append(buffer)
      writableCount += buffer.count
    } else {
      readable.append(buffer)
      readableCount += buffer.count
    }
  }

  /// The two arrays, for the next chain.
  consuming func takeStorage() -> (readable: [GuestSlice], writable: [GuestSlice]) { (readable, writable) }
}
