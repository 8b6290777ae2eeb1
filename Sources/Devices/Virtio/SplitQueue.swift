import GuestMemory

/// The device's side of a split virtqueue (virtio 1.2, section 2.7): takes chains the driver made available, gives
/// them back used. The driver is not trusted: what it breaks is thrown as a `DriverViolation`.
struct SplitQueue {
  private let memory: GuestMemory
  private let layout: QueueLayout
  private let hasIndirect: Bool
  private let hasEventIndex: Bool
  /// The next entry of the available ring to take.
  private var nextAvailable = RingIndex()
  /// The driver's index when last looked at.
  private var seenAvailable = RingIndex()
  /// The next element of the used ring to fill.
  private var nextUsed = RingIndex()
  /// The index the driver was last shown.
  private var publishedUsed = RingIndex()
  private var spareReadable: [GuestSlice] = []
  private var spareWritable: [GuestSlice] = []

  private static let noInterrupt: UInt16 = 1
  private static let noNotify: UInt16 = 1

  init(layout: QueueLayout, features: Features, memory: GuestMemory) {
    self.memory = memory
    self.layout = layout
    hasIndirect = features.contains(.indirectDescriptors)
    hasEventIndex = features.contains(.eventIndex)
  }

  /// The number of descriptors.
  var size: UInt16 { layout.size }

  // MARK: Taking chains

  /// The next available chain, nil if there is none.
  mutating func pop() throws(DriverViolation) -> DescriptorChain? {
    guard try hasAvailable() else { return nil }
    let slot = nextAvailable.slot(size: layout.size)
    let head = try load(UInt16.self, in: layout.available, offset: 4 + 2 * slot)
    var chain = DescriptorChain(head: head, reusing: spareReadable, spareWritable)
    spareReadable = []
    spareWritable = []
    try walk(&chain)
    nextAvailable.advance()
    return chain
  }

  /// Whether `pop` would find a chain.
  mutating func hasAvailable() throws(DriverViolation) -> Bool {
    if nextAvailable == seenAvailable { try lookForAvailable() }
    return nextAvailable != seenAvailable
  }

  /// Puts the chain popped last back, to be popped again.
  mutating func putBack(_ chain: consuming DescriptorChain) {
    nextAvailable.stepBack()
    recycle(chain)
  }

  /// The acquire pairs with the driver's barrier: chains up to this index are complete.
  private mutating func lookForAvailable() throws(DriverViolation) {
    guard let index = try? memory.loadAcquire(at: layout.availableIndex) else { throw .queueMemory }
    let seen = RingIndex(value: index)
    guard seen.distance(from: nextAvailable) <= layout.size else { throw .availableIndex }
    seenAvailable = seen
  }

  /// Follows a chain through the table and, at its end, one indirect table (2.7.5, 2.7.5.3). A table of n descriptors
  /// allows n steps, which ends every loop.
  private func walk(_ chain: inout DescriptorChain) throws(DriverViolation) {
    var table = layout.descriptors
    var count = layout.size
    var stepsLeft = layout.size
    var index = chain.head
    var isIndirect = false
    while true {
      guard index < count else { throw .descriptorIndex }
      guard stepsLeft > 0 else { throw .chainLength }
      stepsLeft -= 1
      let descriptor = try descriptor(index, in: table)
      if descriptor.flags.contains(.indirect) {
        guard hasIndirect, !isIndirect, !descriptor.flags.contains(.next),
          descriptor.length > 0, descriptor.length % 16 == 0,
          descriptor.length / 16 <= UInt32(layout.size)
        else { throw .indirectTable }
        table = try slice(descriptor)
        count = UInt16(descriptor.length / 16)
        stepsLeft = count
        index = 0
        isIndirect = true
        continue
      }
      let buffer = descriptor.length == 0 ? .empty : try slice(descriptor)
      try chain.append(buffer, isWritable: descriptor.flags.contains(.write))
      guard descriptor.flags.contains(.next) else { return }
      index = descriptor.next
    }
  }

  private func descriptor(_ index: UInt16, in table: GuestSlice) throws(DriverViolation) -> Descriptor {
    let offset = 16 * Int(index)
    let rest = try load(UInt64.self, in: table, offset: offset + 8)
    return Descriptor(
      address: try load(UInt64.self, in: table, offset: offset),
      length: UInt32(truncatingIfNeeded: rest),
      flags: Descriptor.Flags(rawValue: UInt16(truncatingIfNeeded: rest >> 32)),
      next: UInt16(truncatingIfNeeded: rest >> 48))
  }

  private func slice(_ descriptor: Descriptor) throws(DriverViolation) -> GuestSlice {
    do throws(GuestMemoryError) {
      return try memory.slice(at: GuestAddress(descriptor.address), count: UInt64(descriptor.length))
    } catch {
      throw .bufferMemory
    }
  }

  // MARK: Giving chains back

  /// Puts the chain into the used ring; the driver sees it after `publish`.
  ///
  /// - Parameter written: Bytes written into the writable buffers, from their front on.
  mutating func complete(_ chain: consuming DescriptorChain, written: UInt32) throws(DriverViolation) {
    try complete(chain.head, written: written)
    recycle(chain)
  }

  /// As for a chain, of which only the head was kept. No more may be kept than there are descriptors, or the driver
  /// would miss some.
  mutating func complete(_ head: UInt16, written: UInt32) throws(DriverViolation) {
    let offset = 4 + 8 * nextUsed.slot(size: layout.size)
    try store(UInt64(head) | UInt64(written) << 32, in: layout.used, offset: offset)
    nextUsed.advance()
  }

  /// The chain's head is kept by the caller, and given back later.
  mutating func keep(_ chain: consuming DescriptorChain) { recycle(chain) }

  /// Shows the driver all completed chains.
  /// - Returns: Whether the driver wants an interrupt for them.
  mutating func publish() throws(DriverViolation) -> Bool {
    guard nextUsed != publishedUsed else { return false }
    do throws(GuestMemoryError) {
      try memory.storeRelease(nextUsed.value, at: layout.usedIndex)
    } catch {
      throw .queueMemory
    }
    let old = publishedUsed
    publishedUsed = nextUsed
    // The index must be out before the driver's wish is read, or both sides could wait for each other.
    memory.fence()
    if hasEventIndex {
      let event = try load(UInt16.self, in: layout.available, offset: 4 + 2 * Int(layout.size))
      return nextUsed.passed(event: event, since: old)
    }
    return try load(UInt16.self, in: layout.available, offset: 0) & Self.noInterrupt == 0
  }

  private mutating func recycle(_ chain: consuming DescriptorChain) {
    (spareReadable, spareWritable) = chain.takeStorage()
  }

  // MARK: Notifications from the driver (2.7.7, 2.7.10)

  /// Asks the driver not to notify. With EVENT_IDX nothing need be said: the index last asked for is passed already.
  func suppressNotifications() throws(DriverViolation) {
    if !hasEventIndex { try store(Self.noNotify, in: layout.used, offset: 0) }
  }

  /// Asks the driver to notify of the next chain.
  /// - Returns: True if one came in between, of which the driver will not notify.
  mutating func requestNotifications() throws(DriverViolation) -> Bool {
    if hasEventIndex {
      try store(nextAvailable.value, in: layout.used, offset: 4 + 8 * Int(layout.size))
    } else {
      try store(UInt16(0), in: layout.used, offset: 0)
    }
    memory.fence()
    return try hasAvailable()
  }

  // MARK: Access to the rings

  private func load<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type, in slice: GuestSlice, offset: Int
  ) throws(DriverViolation) -> Value {
    do throws(GuestMemoryError) {
      return try memory.load(type, in: slice, offset: offset)
    } catch {
      throw .queueMemory
    }
  }

  private func store<Value: FixedWidthInteger & BitwiseCopyable>(
    _ value: Value, in slice: GuestSlice, offset: Int
  ) throws(DriverViolation) {
    do throws(GuestMemoryError) {
      try memory.store(value, in: slice, offset: offset)
    } catch {
      throw .queueMemory
    }
  }
}

/// One entry of a descriptor table, copied out of guest memory.
private struct Descriptor {
  struct Flags: OptionSet {
    let rawValue: UInt16
    static let next = Flags(rawValue: 1)
    static let write = Flags(rawValue: 2)
    static let indirect = Flags(rawValue: 4)
  }

  let address: UInt64
  let length: UInt32
  let flags: Flags
  let next: UInt16
}
