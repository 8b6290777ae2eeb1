/// Numbers that look random and are the same for the same seed: SplitMix64 (Steele, Lea and Flood, 2014).
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}

/// Where a quantity lies with so much confidence.
package struct Interval: Codable, Sendable, Equatable {
  package let low, high: Double

  package init(low: Double, high: Double) { (self.low, self.high) = (low, high) }
}

/// Intervals by the bootstrap's percentile method (Efron, 1979): the quantity is computed again and again from values
/// drawn from those measured, with replacement.
package struct Bootstrap: Sendable {
  /// Of fewer, draws repeat themselves too often to be as sure as they should.
  package static let fewest = 6

  /// How often.
  private let rounds: Int
  private let seed: UInt64

  /// - Parameter seed: the same seed gives the same intervals.
  package init(rounds: Int = 2000, seed: UInt64 = 1) { (self.rounds, self.seed) = (rounds, seed) }

  /// Of the quotient of two medians, whose values come in pairs: what one round of turns has given, for both. Rounds are
  /// drawn, so what slowed both down in one is no doubt of their quotient.
  /// - Returns: nil where the two are not of as many rounds, or of fewer than ``fewest``, or a median can be 0.
  package func ratio(of samples: Samples, to base: Samples) -> Interval? {
    guard samples.count == base.count, base.count >= Bootstrap.fewest, base.minimum > 0 else { return nil }
    var generator = SeededGenerator(seed: seed)
    let drawn = Samples(
      (0..<rounds).map { _ in
        let places = base.values.indices.map { _ in Int.random(in: base.values.indices, using: &generator) }
        return Samples(places.map { samples.values[$0] }).median
          / Samples(places.map { base.values[$0] }).median
      })
    let tail = (1 - Samples.confidence) / 2
    return Interval(low: drawn.quantile(tail), high: drawn.quantile(1 - tail))
  }
}
