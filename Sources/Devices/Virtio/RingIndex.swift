/// A free-running index into a ring: it wraps at 65536, whatever the size of the ring (virtio 1.2, 2.7.6).
struct RingIndex: Equatable {
  var value: UInt16 = 0

  /// The place in a ring of `size` elements, a power of two.
  func slot(size: UInt16) -> Int { Int(value & (size &- 1)) }

  mutating func advance() { value &+= 1 }
  mutating func stepBack() { value &-= 1 }

  /// How far this index is ahead of `other`.
  func distance(from other: RingIndex) -> UInt16 { value &- other.value }

  /// Whether moving from `old` to here passed `event`, the index the other side wants to hear of (2.7.10).
  func passed(event: UInt16, since old: RingIndex) -> Bool {
    value &- event &- 1 < value &- old.value
  }
}
