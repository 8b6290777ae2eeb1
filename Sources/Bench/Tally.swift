import Glibc

/// How often which durations were seen, of however many: memory grows with how far they are apart, and not with their
/// number. Each is kept to one part in a thousand; least and greatest exactly.
package struct Tally: Sendable {
  /// Neighbouring steps are as far apart, as a part of themselves.
  private static let step = log(1.001)

  package private(set) var count = 0
  private var counts: [Int: Int] = [:]
  private var (least, greatest) = (UInt64.max, UInt64.min)

  package init() {}

  /// - Parameter nanoseconds: 0 counts as 1.
  package mutating func add(_ nanoseconds: UInt64) {
    count += 1
    counts[Int((log(Double(max(nanoseconds, 1))) / Tally.step).rounded()), default: 0] += 1
    (least, greatest) = (min(least, nanoseconds), max(greatest, nanoseconds))
  }

  /// A number of values that lie as all of them do: each stands for as many, and the first and last are the least and the
  /// greatest. All, in order, where there are no more.
  package func values(atMost most: Int) -> [Double] {
    let wanted = min(most, count)
    var (values, seen) = ([Double](), 0)
    for (place, number) in counts.sorted(by: { $0.key < $1.key }) {
      seen += number
      let value = min(max(exp(Double(place) * Tally.step), Double(least)), Double(greatest))
      // The middle of the part that the next value stands for.
      while values.count < wanted, Double(values.count) + 0.5 <= Double(seen) * Double(wanted) / Double(count)
      {
        values.append(value)
      }
    }
    if let last = values.indices.last { (values[0], values[last]) = (Double(least), Double(greatest)) }
    return values
  }

  /// Of all; nil where there are none.
  package var summary: Summary? {
    guard count > 0 else { return nil }
    let steps = counts.sorted { $0.key < $1.key }
    func value(_ rank: Int) -> Double {
      if rank == 0 { return Double(least) }
      if rank == count - 1 { return Double(greatest) }
      var seen = 0
      let place = steps.first { step in
        seen += step.value
        return seen > rank
      }
      return min(max(exp(Double(place?.key ?? 0) * Tally.step), Double(least)), Double(greatest))
    }
    return Summary(count: count) { share in
      let place = share * Double(count - 1)
      let below = value(Int(place))
      return below + (place - place.rounded(.down)) * (value(min(Int(place) + 1, count - 1)) - below)
    }
  }
}
