import Platform

/// Descriptor flags (virtio 1.2, section 2.7.5).
enum DescriptorFlag {
  static let next: UInt16 = 1
  static let write: UInt16 = 2
  static let indirect: UInt16 = 4
}

/// What a device returned: the chain's first descriptor and the number of bytes written to it.
struct UsedElement {
  let id: UInt32
  let length: UInt32
}

/// The driver's side of a split virtqueue (virtio 1.2, section 2.7).
struct VirtioQueue {
  static let descriptorSize: UInt64 = 16

  let index: UInt32
  let size: UInt16
  let descriptors: UInt64
  let available: UInt64
  let used: UInt64
  /// A table of as many descriptors, for indirect chains.
  let indirectTable: UInt64
  private let hasEventIndex: Bool
  private(set) var nextAvailable: UInt16 = 0
  private var nextUsed: UInt16 = 0
  private var chain = Chain()

  private struct Chain {
    var head: UInt16 = 0
    var count: UInt16 = 0
    var indirect = false
  }

  /// A queue in new memory. `size` is a power of two; `features` are those agreed on.
  init(_ index: UInt32, size: UInt16, features: UInt64) {
    self.index = index
    self.size = size
    let entries = UInt64(size)
    descriptors = Arena.take(entries * VirtioQueue.descriptorSize)
    available = Arena.take(6 + 2 * entries)
    used = Arena.take(6 + 8 * entries)
    indirectTable = Arena.take(entries * VirtioQueue.descriptorSize)
    hasEventIndex = features & Feature.eventIndex != 0
  }

  /// As a new queue, in the same memory.
  mutating func restart() {
    nextAvailable = 0
    nextUsed = 0
    store32(available, 0)  // flags and index
    store32(used, 0)
  }

  // MARK: the available ring

  var availableIndex: UInt64 { available &+ 2 }
  var usedEvent: UInt64 { available &+ 4 &+ 2 &* UInt64(size) }
  var availableEvent: UInt64 { used &+ 4 &+ 8 &* UInt64(size) }

  /// Writes one entry of a descriptor table.
  static func put(
    _ table: UInt64, _ entry: UInt16, _ address: UInt64, _ length: UInt32, _ flags: UInt16, next: UInt16
  ) {
    let place = table &+ UInt64(entry) &* descriptorSize
    store64(place, address)
    store32(place &+ 8, length)
    store16(place &+ 12, flags)
    store16(place &+ 14, next)
  }

  /// Begins a chain whose first descriptor is `head`; the rest follow it in the table.
  mutating func begin(at head: UInt16 = 0, indirect: Bool = false) {
    chain = Chain(head: head, indirect: indirect)
  }

  /// Adds a buffer to the chain.
  mutating func add(_ address: UInt64, _ length: UInt32, writable: Bool = false) {
    let table = chain.indirect ? indirectTable : descriptors
    let entry = chain.indirect ? chain.count : chain.head &+ chain.count
    if chain.count > 0 {
      let flags = table &+ UInt64(entry &- 1) &* VirtioQueue.descriptorSize &+ 12
      store16(flags, load16(flags) | DescriptorFlag.next)
    }
    VirtioQueue.put(table, entry, address, length, writable ? DescriptorFlag.write : 0, next: entry &+ 1)
    chain.count &+= 1
  }

  /// Makes the chain available, without telling the device.
  mutating func push() {
    if chain.indirect {
      let length = UInt32(chain.count) &* UInt32(VirtioQueue.descriptorSize)
      VirtioQueue.put(descriptors, chain.head, indirectTable, length, DescriptorFlag.indirect, next: 0)
    }
    push(head: chain.head)
  }

  mutating func push(head: UInt16) {
    store16(available &+ 4 &+ 2 &* UInt64(nextAvailable & (size &- 1)), head)
    nextAvailable &+= 1
    store16(availableIndex, nextAvailable)  // after the entry: x86 keeps stores in order
  }

  /// Tells the device about the last `count` chains, unless it asked not to be told.
  func kick(_ device: VirtioDevice, count: UInt16 = 1) {
    full_barrier()
    let wanted =
      hasEventIndex
      ? nextAvailable &- load16(availableEvent) &- 1 < count
      : load16(used) & 1 == 0
    if wanted { device.notify(index) }
  }

  // MARK: the used ring

  /// Asks for an interrupt when the next chain is used.
  func requestInterrupt() { store16(usedEvent, nextUsed) }

  /// The next chain the device is done with; nil when it is stuck.
  mutating func take() -> UsedElement? {
    let expected = nextUsed
    guard Patience.wait({ load16(used &+ 2) != expected }) else { return nil }
    let element = used &+ 4 &+ 8 &* UInt64(nextUsed & (size &- 1))
    nextUsed &+= 1
    return UsedElement(id: load32(element), length: load32(element &+ 4))
  }

  /// Whether the device returned more than was taken.
  var hasUsed: Bool { load16(used &+ 2) != nextUsed }

  /// Pushes the chain, kicks and waits; returns the number of bytes the device wrote. nil when it is stuck
  /// or returned something else.
  mutating func complete(_ device: VirtioDevice) -> UInt32? {
    push()
    kick(device)
    guard let element = take(), element.id == UInt32(chain.head), !hasUsed else { return nil }
    return element.length
  }
}
