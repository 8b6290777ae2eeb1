/// What two series of the same quantity say of each other.
package struct Difference: Sendable, Equatable {
  package enum Verdict: Sendable {
    case same, more, less
    /// However much they differ, series this short cannot be told apart beside so many others.
    case tooFew
  }

  /// A difference this small is not told of, however sure it is.
  package static let effect = 0.05

  /// How probable it is at most that two equal pairs of runs, with all their series, differ by the test.
  package static let level = 0.01

  package let before, after: Double
  /// See ``RankTest``.
  package let probability: Double
  package let verdict: Verdict

  /// The second median in parts of the first.
  package var ratio: Double { before == after ? 1 : after / before }

  /// Tests many pairs at once, where the probability of a false alarm is that of all together: by Holm's method (1979),
  /// the surest is held to the level divided by the number of pairs, the next to that divided by one less, and so on
  /// until one fails. Pairs that are too short for the first of these levels take no part and are not counted: that
  /// depends on how many values they have, not on what these are.
  /// - Parameters:
  ///   - level: of all together.
  ///   - effect: by what part medians must differ.
  package static func all(
    _ pairs: [(before: Samples, after: Samples)], level: Double = level, effect: Double = effect
  ) -> [Difference] {
    let told = pairs.map { RankTest.probability($0.before, $0.after) }
    let able = pairs.indices.filter {
      RankTest.least(pairs[$0].before.count, pairs[$0].after.count) <= level / Double(pairs.count)
    }
    var sure: Set<Int> = []
    for (place, index) in able.sorted(by: { told[$0] < told[$1] }).enumerated() {
      guard told[index] <= level / Double(able.count - place) else { break }
      sure.insert(index)
    }
    return pairs.indices.map { index in
      let (before, after) = (pairs[index].before.median, pairs[index].after.median)
      var verdict = able.contains(index) ? Verdict.same : .tooFew
      if sure.contains(index), (after - before).magnitude >= effect * before.magnitude {
        verdict = after > before ? .more : .less
      }
      return Difference(before: before, after: after, probability: told[index], verdict: verdict)
    }
  }

  /// How many values each of two series must have, so that they can differ beside so many others.
  package static func valuesNeeded(besides pairs: Int, level: Double = level) -> Int {
    var count = 1
    while RankTest.least(count, count) > level / Double(max(pairs, 1)) { count += 1 }
    return count
  }
}
