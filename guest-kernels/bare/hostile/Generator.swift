/// The same sequence for the same numbers (splitmix64).
struct Generator {
  private var state: UInt64

  /// - Parameter index: of a violation; each has a sequence of its own.
  init(seed: UInt64, index: UInt64) {
    state = seed &* 0xd134_2543_de82_ef95 ^ index &* 0x9e37_79b9_7f4a_7c15
    _ = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  /// A number below `limit`, without a division: interpreted ones are slow.
  mutating func below(_ limit: UInt64) -> UInt64 { ((next() >> 32) &* limit) >> 32 }
  mutating func oneIn(_ count: UInt64) -> Bool { below(count) == 0 }

  mutating func one<let count: Int, Value>(of values: [count of Value]) -> Value {
    values[Int(below(UInt64(count)))]
  }

  /// A number at an edge, seldom just any.
  mutating func edge64() -> UInt64 {
    switch below(8) {
    case 0: 0
    case 1: 1
    case 2: ~0
    case 3: 1 << 63
    case 4: (1 << 63) &- 1
    case 5: 1 << below(64)
    case 6: below(16)
    default: next()
    }
  }

  mutating func edge32() -> UInt32 {
    switch below(8) {
    case 0: 0
    case 1: 1
    case 2: ~0
    case 3: 0x8000_0000
    case 4: 0x7fff_ffff
    case 5: 1 << UInt32(truncatingIfNeeded: below(32))
    case 6: UInt32(truncatingIfNeeded: below(16))
    default: UInt32(truncatingIfNeeded: next())
    }
  }

  mutating func edge16() -> UInt16 { UInt16(truncatingIfNeeded: edge32() >> UInt32(8 &* below(3))) }
}
