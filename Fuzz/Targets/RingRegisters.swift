import DeviceFakes

/// What a driver wrote into the registers of its queues, and what follows from it for a copy of its memory.
struct RingRegisters {
  private var selected: UInt32 = 0
  private var rings: [UInt32: Ring] = [:]

  /// - Parameter canSetUp: whether the selected queue's registers may be written now.
  mutating func write(_ register: UInt64, _ value: UInt32, canSetUp: Bool) {
    if register == FakeDriver.Register.queueSelect { selected = value }
    guard canSetUp else { return }
    var ring = rings[selected] ?? Ring()
    switch register {
    case FakeDriver.Register.queueSize: ring.size = value
    case FakeDriver.Register.queueDescriptors: ring.descriptors.low = value
    case FakeDriver.Register.queueDescriptors + 4: ring.descriptors.high = value
    case FakeDriver.Register.queueDriver: ring.available.low = value
    case FakeDriver.Register.queueDriver + 4: ring.available.high = value
    case FakeDriver.Register.queueDevice: ring.used.low = value
    case FakeDriver.Register.queueDevice + 4: ring.used.high = value
    default: break
    }
    rings[selected] = ring
  }

  /// Where the device may write: its own part of each ring, and the writable buffers that any entry of an available
  /// ring leads to. Nil where that lies over what the device reads meanwhile, so that no answer holds.
  func writableRanges(_ memory: [UInt8]) -> [Range<Int>]? {
    var walk = RingWalk(memory: memory)
    for ring in rings.values { walk.follow(ring) }
    let isTangled = walk.written.contains { range in walk.read.contains { $0.overlaps(range) } }
    return isTangled ? nil : walk.written
  }

  struct Ring {
    typealias Halves = (low: UInt32, high: UInt32)
    var size: UInt32 = 0
    var descriptors: Halves = (0, 0)
    var available: Halves = (0, 0)
    var used: Halves = (0, 0)
  }
}

/// Follows all chains of a ring, right or wrong, as far as they can be followed.
private struct RingWalk {
  let memory: [UInt8]
  private(set) var read: [Range<Int>] = []
  private(set) var written: [Range<Int>] = []

  init(memory: [UInt8]) { self.memory = memory }

  mutating func follow(_ ring: RingRegisters.Ring) {
    let size = Int(ring.size)
    guard size > 0, size <= 32_768, size & (size - 1) == 0,
      let table = range(address(ring.descriptors), 16 * size),
      let available = range(address(ring.available), 6 + 2 * size),
      let used = range(address(ring.used), 6 + 8 * size)
    else { return }
    read += [table, available]
    written.append(used)
    let heads = Set((0..<size).map { number(available.lowerBound + 4 + 2 * $0, 2) })
    for head in heads { follow(table, from: head, isIndirect: false) }
  }

  private mutating func follow(_ table: Range<Int>, from head: Int, isIndirect: Bool) {
    var index = head
    for _ in 0..<(table.count / 16) {
      guard index < table.count / 16 else { return }
      let place = table.lowerBound + 16 * index
      let flags = number(place + 12, 2)
      if let buffer = range(UInt64(bitPattern: Int64(number(place, 8))), number(place + 8, 4)),
        !buffer.isEmpty
      {
        if flags & 4 != 0, !isIndirect {
          read.append(buffer)
          follow(buffer, from: 0, isIndirect: true)
        } else if flags & 2 != 0 {
          written.append(buffer)
        }
      }
      guard flags & 1 != 0 else { return }
      index = number(place + 14, 2)
    }
  }

  private func address(_ halves: RingRegisters.Ring.Halves) -> UInt64 {
    UInt64(halves.high) << 32 | UInt64(halves.low)
  }

  /// Nil where it is not all in memory.
  private func range(_ start: UInt64, _ count: Int) -> Range<Int>? {
    guard start <= UInt64(memory.count), count <= memory.count - Int(start) else { return nil }
    return Int(start)..<(Int(start) + count)
  }

  private func number(_ place: Int, _ width: Int) -> Int {
    (0..<width).reduce(0) { $0 | Int(memory[place + $1]) << (8 * $1) }
  }
}
