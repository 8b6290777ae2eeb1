/// Measured values of one kind.
package struct Samples: Sendable, Equatable {
  package private(set) var values: [Double]

  package init(_ values: [Double] = []) { self.values = values }

  package mutating func append(_ value: Double) { values.append(value) }

  package var count: Int { values.count }
  package var minimum: Double { values.min() ?? .nan }
  package var maximum: Double { values.max() ?? .nan }
  package var median: Double { quantile(0.5) }

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

/// What is told of samples.
package struct Summary: Codable, Sendable, Equatable {
  package let count: Int
  package let minimum, median, p90, p99, maximum: Double
  /// See ``Samples/spread``; nil where it has no meaning.
  package let spread: Double?

  /// - Returns: nil where there are no values.
  package init?(_ samples: Samples) {
    guard samples.count > 0 else { return nil }
    count = samples.count
    (minimum, median, maximum) = (samples.minimum, samples.median, samples.maximum)
    (p90, p99) = (samples.quantile(0.9), samples.quantile(0.99))
    spread = samples.spread.isFinite ? samples.spread : nil
  }
}
