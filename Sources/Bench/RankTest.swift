import Glibc
import Synchronization

/// The test of Mann, Whitney and Wilcoxon (1947): whether values of one series tend to be greater than those of another.
/// It asks for the order of the values alone, so it does not care how noise is distributed or how far strays are.
package enum RankTest {
  /// Above this many values a series is near enough to the normal approximation.
  private static let exactLimit = 30

  private struct Lengths: Hashable { let m, n: Int }
  /// The probability of each value of the statistic, computed once.
  private static let distributions = Mutex<[Lengths: [Double]]>([:])

  /// How probable a difference at least as large is between series of the same kind, in either direction.
  ///
  /// Exact for series without equal values of up to 30 each; else by the normal approximation, corrected for equal values
  /// and for continuity, and never below ``least(_:_:)``. 1 where there is nothing to compare.
  package static func probability(_ first: Samples, _ second: Samples) -> Double {
    let (m, n) = (first.count, second.count)
    guard m > 0, n > 0 else { return 1 }
    let (statistic, ties) = statistic(first, second)
    if ties == 0, m <= exactLimit, n <= exactLimit { return exact(statistic, m, n) }
    return approximate(statistic, m, n, ties: ties)
  }

  /// The least that series of so many values can have: where all of one are below all of the other, 2 in all ways to
  /// choose m of m + n. 1 where one is empty.
  package static func least(_ m: Int, _ n: Int) -> Double {
    guard m > 0, n > 0 else { return 1 }
    return min(1, (1...m).reduce(2) { $0 * Double($1) / Double(n + $1) })
  }

  /// The pairs of which the first series has the greater value, those of equal ones by halves; and the sum of t³ - t over
  /// all groups of t equal values.
  static func statistic(_ first: Samples, _ second: Samples) -> (pairs: Double, ties: Double) {
    let (sum, ties) = ranks(first, second)
    return (sum - Double(first.count * (first.count + 1)) / 2, ties)
  }

  /// The sum of the first series' ranks among all, equal values sharing theirs; and the sum of t³ - t over all groups of t
  /// equal values.
  private static func ranks(_ first: Samples, _ second: Samples) -> (sum: Double, ties: Double) {
    let all = (first.values.map { ($0, true) } + second.values.map { ($0, false) }).sorted { $0.0 < $1.0 }
    var (sum, ties) = (0.0, 0.0)
    var start = 0
    while start < all.count {
      var end = start + 1
      while end < all.count, all[end].0 == all[start].0 { end += 1 }
      let group = Double(end - start)
      let rank = Double(start + end + 1) / 2
      sum += rank * Double(all[start..<end].count { $0.1 })
      ties += group * group * group - group
      start = end
    }
    return (sum, ties)
  }

  static func exact(_ statistic: Double, _ m: Int, _ n: Int) -> Double {
    let chances = distributions.withLock { known in
      if let found = known[Lengths(m: m, n: n)] { return found }
      let computed = distribution(m, n)
      known[Lengths(m: m, n: n)] = computed
      return computed
    }
    let least = Int(min(statistic, Double(m * n) - statistic))
    return min(1, 2 * chances[...least].reduce(0, +))
  }

  /// By all arrangements of two series, each as probable as any other.
  private static func distribution(_ m: Int, _ n: Int) -> [Double] {
    // probabilities[j][u]: that of the statistic u for i values of one series and j of the other; i grows.
    let most = m * n
    var probabilities = (0...n).map { _ in [1.0] + [Double](repeating: 0, count: most) }
    for i in 1...m {
      // With none of the other series the statistic is 0.
      for j in 1...n {
        let (share, rest) = (Double(i) / Double(i + j), Double(j) / Double(i + j))
        var row = [Double](repeating: 0, count: most + 1)
        for u in 0...(i * j) {
          // The greatest value is of the first series, which is greater than all j; or of the second.
          row[u] = (u >= j ? share * probabilities[j][u - j] : 0) + rest * probabilities[j - 1][u]
        }
        probabilities[j] = row
      }
    }
    return probabilities[n]
  }

  static func approximate(_ statistic: Double, _ m: Int, _ n: Int, ties: Double) -> Double {
    let (all, pairs) = (Double(m + n), Double(m) * Double(n))
    let variance = pairs / 12 * (all + 1 - ties / (all * (all - 1)))
    guard variance > 0 else { return 1 }
    let distance = max(0, (statistic - pairs / 2).magnitude - 0.5)
    return max(least(m, n), erfc(distance / (2 * variance).squareRoot()))
  }
}
