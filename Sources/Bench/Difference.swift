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

  /// What stands for the second in parts of what stands for the first.
  package var ratio: Double { before == after ? 1 : after / before }

  /// Tests many pairs at once, where the probability of a false alarm is that of all together: by Holm's method (1979),
  /// the surest is held to the level divided by the number of pairs, the next to that divided by one less, and so on
  /// until one fails. Pairs that could not reach the first of these levels, wherever their values stood, take no part and
  /// are not counted: that depends on how many values there are and on which are equal, and not on whose they are.
  /// - Parameters:
  ///   - level: of all together.
  ///   - effect: by what part ``Pair/before`` and ``Pair/after`` must differ.
  package static func all(_ pairs: [Pair], level: Double = level, effect: Double = effect) -> [Difference] {
    let answers = pairs.map { RankTest.answer($0.before, $0.after) }
    let first = level / Double(max(pairs.count, 1))
    let able = pairs.indices.filter { answers[$0].least <= first }
    var sure: Set<Int> = []
    let surest = able.sorted { answers[$0].probability < answers[$1].probability }
    for (place, index) in surest.enumerated() {
      guard answers[index].probability <= level / Double(able.count - place) else { break }
      sure.insert(index)
    }
    return pairs.indices.map { index in
      let pair = pairs[index]
      let (before, after) = (pair.middle(pair.before), pair.middle(pair.after))
      // Where it is for equal values that nothing could be told, more of them would not do.
      let isShort = RankTest.least(pair.before.count, pair.after.count) > first
      var verdict = isShort ? Verdict.tooFew : .same
      if sure.contains(index), before != after, (after - before).magnitude >= effect * before.magnitude {
        verdict = after > before ? .more : .less
      }
      return Difference(
        before: before, after: after, probability: answers[index].probability, verdict: verdict)
    }
  }

  /// Two series of the same quantity.
  package struct Pair: Sendable {
    let before, after: Samples
    /// What stands for all values: the median; of rates, in which a second of nothing counts as any other, the mean.
    let middle: @Sendable (Samples) -> Double

    package init(
      _ before: Samples, _ after: Samples, middle: @escaping @Sendable (Samples) -> Double = \.median
    ) {
      (self.before, self.after, self.middle) = (before, after, middle)
    }
  }

  /// How many values each of two series must have, so that they can differ beside so many others.
  package static func valuesNeeded(besides pairs: Int, level: Double = level) -> Int {
    var count = 1
    while RankTest.least(count, count) > level / Double(max(pairs, 1)) { count += 1 }
    return count
  }
}
