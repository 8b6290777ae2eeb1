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
  package static let confidence = 0.95

  /// How often.
  private let rounds: Int
  private let seed: UInt64

  /// - Parameter seed: the same seed gives the same intervals.
  package init(rounds: Int = 2000, seed: UInt64 = 1) { (self.rounds, self.seed) = (rounds, seed) }

  /// - Returns: nil for fewer than two values, of which nothing can be said.
  package func median(of samples: Samples) -> Interval? {
    guard samples.count > 1 else { return nil }
    var generator = SeededGenerator(seed: seed)
    return interval { Bootstrap.draw(from: samples, &generator).median }
  }

  /// Of the quotient of two medians, whose values are drawn independently of each other.
  /// - Returns: nil where one has fewer than two values, or a median that can be 0.
  package func ratio(of samples: Samples, to base: Samples) -> Interval? {
    guard samples.count > 1, base.count > 1, base.minimum > 0 else { return nil }
    var generator = SeededGenerator(seed: seed)
    return interval {
      let above = Bootstrap.draw(from: samples, &generator).median
      return above / Bootstrap.draw(from: base, &generator).median
    }
  }

  private func interval(_ quantity: () -> Double) -> Interval {
    let drawn = Samples((0..<rounds).map { _ in quantity() })
    let tail = (1 - Bootstrap.confidence) / 2
    return Interval(low: drawn.quantile(tail), high: drawn.quantile(1 - tail))
  }

  private static func draw(from samples: Samples, _ generator: inout SeededGenerator) -> Samples {
    Samples(samples.values.map { _ in samples.values.randomElement(using: &generator) ?? .nan })
  }
}
