/// What two series of the same quantity say of each other.
package struct Difference: Sendable, Equatable {
  package enum Verdict: String, Sendable { case same, slower, faster }

  /// A difference this small is not told of, however sure it is.
  package static let effect = 0.05

  /// How probable it is at most that two equal pairs of runs, with all their series, differ by the test.
  package static let level = 0.01

  /// Fewer values than this say nothing.
  package static let fewest = 5

  package let before, after: Double
  /// See ``RankTest``.
  package let probability: Double
  package let verdict: Verdict

  /// The second median in parts of the first.
  package var ratio: Double { before == after ? 1 : after / before }

  /// Tests many pairs at once, where the probability of a false alarm is that of all together: by Holm's method (1979),
  /// the surest is held to the level divided by the number of pairs, the next to that divided by one less, and so on
  /// until one fails.
  /// - Parameter effect: by what part medians must differ.
  package static func all(_ pairs: [(before: Samples, after: Samples)], effect: Double = effect)
    -> [Difference?]
  {
    let told = pairs.map { before, after -> Double? in
      guard before.count >= fewest, after.count >= fewest else { return nil }
      return RankTest.probability(before, after)
    }
    let order = told.indices.filter { told[$0] != nil }.sorted { (told[$0] ?? 1) < (told[$1] ?? 1) }
    var sure: Set<Int> = []
    for (place, index) in order.enumerated() {
      guard let probability = told[index], probability <= level / Double(order.count - place) else { break }
      sure.insert(index)
    }
    return pairs.indices.map { index in
      guard let probability = told[index] else { return nil }
      let (before, after) = (pairs[index].before.median, pairs[index].after.median)
      var verdict = Verdict.same
      if sure.contains(index), (after - before).magnitude >= effect * before.magnitude {
        verdict = after > before ? .slower : .faster
      }
      return Difference(before: before, after: after, probability: probability, verdict: verdict)
    }
  }
}
