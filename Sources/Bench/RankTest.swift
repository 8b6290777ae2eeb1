import Glibc
import Synchronization

/// The test of Mann, Whitney and Wilcoxon (1947): whether values of one series tend to be greater than those of another.
/// It asks for the order of the values alone, so it does not care how noise is distributed or how far strays are.
package enum RankTest {
  /// What the test says of two series.
  package struct Answer: Sendable, Equatable {
    /// How probable a difference at least as large is between series of the same kind, in either direction.
    package let probability: Double
    /// The least that these values could have given, in whatever places they had been.
    package let least: Double
  }

  /// Additions for the exact way; more are left to the normal approximation, which is near enough there.
  private static let exactLimit = 1e7

  private struct Places: Hashable {
    /// How many of the values are the first series'.
    let chosen: Int
    /// How many values are equal to one another, from the least on.
    let groups: [Int]
  }
  /// The probability of each sum of ranks, computed once.
  private static let distributions = Mutex<[Places: [Double]]>([:])

  /// Exact where there are up to some 35 values of each: all ways to choose one series' places among all values are as
  /// probable as any other, with equal values sharing their ranks. Else by the normal approximation, corrected for equal
  /// values and for continuity, and never below ``least(_:_:)``. 1 where there is nothing to compare.
  package static func answer(_ first: Samples, _ second: Samples) -> Answer {
    guard first.count > 0, second.count > 0 else { return Answer(probability: 1, least: 1) }
    // The shorter one's places are chosen: fewer ways, and the same answer.
    let (chosen, others) = first.count <= second.count ? (first, second) : (second, first)
    let (sum, groups) = ranks(chosen, others)
    let (m, n) = (chosen.count, others.count)
    let (short, all) = (Double(m), Double(m + n))
    if short * all * short * (2 * all - short + 1) <= exactLimit {
      return exact(sum, Places(chosen: m, groups: groups))
    }
    // That of all values of one below all of the other, none equal between them.
    let least = approximate(m * (m + 1), groups, m, n)
    return Answer(probability: approximate(sum, groups, m, n), least: least)
  }

  package static func probability(_ first: Samples, _ second: Samples) -> Double {
    answer(first, second).probability
  }

  /// The least that series of so many values can have, none equal: where all of one are below all of the other, 2 in all
  /// ways to choose m of m + n. 1 where one is empty.
  package static func least(_ m: Int, _ n: Int) -> Double {
    guard m > 0, n > 0 else { return 1 }
    return min(1, (1...m).reduce(2) { $0 * Double($1) / Double(n + $1) })
  }

  /// Twice the sum of the first series' ranks among all, equal values sharing theirs; and how many are equal.
  static func ranks(_ first: Samples, _ second: Samples) -> (sum: Int, groups: [Int]) {
    let all = (first.values.map { ($0, true) } + second.values.map { ($0, false) }).sorted { $0.0 < $1.0 }
    var (sum, groups) = (0, [Int]())
    var start = 0
    while start < all.count {
      var end = start + 1
      while end < all.count, all[end].0 == all[start].0 { end += 1 }
      sum += (start + end + 1) * all[start..<end].count { $0.1 }
      groups.append(end - start)
      start = end
    }
    return (sum, groups)
  }

  private static func exact(_ sum: Int, _ places: Places) -> Answer {
    let chances = distributions.withLock { known in
      if let found = known[places] { return found }
      let computed = distribution(places)
      known[places] = computed
      return computed
    }
    func tails(_ below: Int, _ above: Int) -> Double {
      min(1, 2 * min(chances[...below].reduce(0, +), chances[above...].reduce(0, +)))
    }
    let low = chances.firstIndex { $0 > 0 } ?? 0
    let high = chances.lastIndex { $0 > 0 } ?? 0
    return Answer(probability: tails(sum, sum), least: min(tails(low, low), tails(high, high)))
  }

  /// Of twice each sum of ranks.
  private static func distribution(_ places: Places) -> [Double] {
    let (m, all) = (places.chosen, places.groups.reduce(0, +))
    let most = m * (2 * all - m + 1)
    // ways[k][s]: in how many ways k of the values so far have the sum s.
    var ways = (0...m).map { _ in [Double](repeating: 0, count: most + 1) }
    ways[0][0] = 1
    var before = 0
    for group in places.groups {
      let rank = 2 * before + group + 1
      for k in stride(from: m, through: 1, by: -1) {
        var choices = 1.0
        for taken in 1...min(group, k) {
          choices *= Double(group - taken + 1) / Double(taken)
          guard taken * rank <= most else { break }
          for sum in (taken * rank)...most where ways[k - taken][sum - taken * rank] > 0 {
            ways[k][sum] += choices * ways[k - taken][sum - taken * rank]
          }
        }
      }
      before += group
    }
    let total = ways[m].reduce(0, +)
    return ways[m].map { $0 / total }
  }

  static func approximate(_ sum: Int, _ groups: [Int], _ m: Int, _ n: Int) -> Double {
    let (all, pairs) = (Double(m + n), Double(m) * Double(n))
    let ties = groups.reduce(0.0) { $0 + pow(Double($1), 3) - Double($1) }
    let variance = pairs / 12 * (all + 1 - ties / (all * (all - 1)))
    guard variance > 0 else { return 1 }
    let statistic = Double(sum - m * (m + 1)) / 2
    let distance = max(0, (statistic - pairs / 2).magnitude - 0.5)
    return max(least(m, n), erfc(distance / (2 * variance).squareRoot()))
  }
}
