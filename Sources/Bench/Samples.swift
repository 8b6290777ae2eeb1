import Glibc

/// Measured values of one kind.
package struct Samples: Sendable, Equatable {
  package private(set) var values: [Double]

  package init(_ values: [Double] = []) { self.values = values }

  package mutating func append(_ value: Double) { values.append(value) }

  package var count: Int { values.count }
  package var minimum: Double { values.min() ?? .nan }
  package var maximum: Double { values.max() ?? .nan }
  package var median: Double { quantile(0.5) }
  /// Of seconds' counts this is all that happened by all the time it took. NaN where there are none.
  package var mean: Double { values.reduce(0, +) / Double(values.count) }

  /// The value below which a part of all lies: at `share` of the way from the least to the greatest, between
  /// neighbours in proportion (definition 7 of Hyndman and Fan, 1996, which most tools use). NaN where there is none.
  /// - Parameter share: 0 to 1.
  package func quantile(_ share: Double) -> Double {
    guard let last = values.indices.last else { return .nan }
    let sorted = values.sorted()
    let place = min(max(share, 0), 1) * Double(last)
    let below = Int(place)
    let above = min(below + 1, last)
    return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
  }

  /// How wide the middle half of the values is, as a part of the median: what a few strays do not change. NaN where the
  /// median is 0.
  package var spread: Double {
    let middle = median
    return middle == 0 ? .nan : (quantile(0.75) - quantile(0.25)) / middle
  }
}

extension Samples {
  /// How sure intervals are at least.
  package static let confidence = 0.95

  /// Between which two of the values, as many from the least as from the greatest, the median of all that could have been
  /// measured lies. Exact whatever their distribution is: each is as likely above the median as below, so how many are
  /// below is binomial. Of 6 values it is all of them.
  /// - Returns: nil for fewer than 6, which cannot be so sure.
  package var medianInterval: Interval? {
    let tail = (1 - Samples.confidence) / 2
    // The chance of as few heads among as many tosses of a coin; by logarithms, a half to the power of a thousand being 0.
    var (fewer, logarithm) = (0, -Double(count) * log(2))
    var chance = exp(logarithm)
    while chance <= tail {
      logarithm += log(Double(count - fewer) / Double(fewer + 1))
      fewer += 1
      chance += exp(logarithm)
    }
    guard fewer > 0 else { return nil }
    let sorted = values.sorted()
    return Interval(low: sorted[fewer - 1], high: sorted[count - fewer])
  }

  /// For a column.
  var spreadText: String { spread.isFinite ? "\(fixed(100 * spread, 0)) %" : "-" }
}

/// What is told of samples.
package struct Summary: Codable, Sendable, Equatable {
  package let count: Int
  package let minimum, median, p90, p99, maximum: Double
  /// See ``Samples/spread``; nil where it has no meaning.
  package let spread: Double?

  /// - Returns: nil where there are no values.
  package init?(_ samples: Samples) {
    guard samples.count > 0 else { return nil }
    self.init(count: samples.count, samples.quantile)
  }

  /// - Parameter quantile: as ``Samples/quantile(_:)``.
  init(count: Int, _ quantile: (_ share: Double) -> Double) {
    self.count = count
    (minimum, median, maximum) = (quantile(0), quantile(0.5), quantile(1))
    (p90, p99) = (quantile(0.9), quantile(0.99))
    let spread = (quantile(0.75) - quantile(0.25)) / median
    self.spread = spread.isFinite ? spread : nil
  }
}
