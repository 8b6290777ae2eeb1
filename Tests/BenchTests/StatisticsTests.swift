import Testing

@testable import Bench

struct StatisticsTests {
  @Test func quantilesAreThoseOfOtherTools() throws {
    let samples = Samples((1...20).map(Double.init).shuffled())
    let summary = try #require(Summary(samples))
    #expect(summary.count == 20)
    #expect((summary.minimum, summary.maximum) == (1, 20))
    #expect(summary.median == 10.5)
    // As numpy.quantile has them.
    #expect((summary.p90 - 18.1).magnitude < 1e-9)
    #expect((summary.p99 - 19.81).magnitude < 1e-9)
    #expect(((summary.spread ?? 0) - 9.5 / 10.5).magnitude < 1e-9)
    #expect(Samples([3, 1, 2]).median == 2)
    #expect(Samples([7]).quantile(0.9) == 7)
    #expect(Samples().median.isNaN)
    #expect(Summary(Samples()) == nil)
    #expect(Summary(Samples([0, 0]))?.spread == nil)
  }

  @Test func theGeneratorIsSplitMix() {
    var generator = SeededGenerator(seed: 1_234_567)
    // The reference implementation's numbers for this seed.
    #expect(
      [generator.next(), generator.next(), generator.next()] == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      ])
  }

  /// Tables of the binomial have them: which values of so many hold the median.
  @Test(
    arguments: [(6, 1, 6), (8, 1, 8), (9, 2, 8), (20, 6, 15), (40, 14, 27), (100, 40, 61)])
  func mediansLieBetweenTwoValues(count: Int, low: Int, high: Int) {
    let samples = Samples((1...count).map(Double.init).shuffled())
    #expect(samples.medianInterval == Interval(low: Double(low), high: Double(high)))
  }

  @Test func fewValuesHaveNoInterval() throws {
    for count in 0...5 { #expect(Samples((0..<count).map(Double.init)).medianInterval == nil) }
    // By the normal approximation, at half of the count and 0.98 roots of it to each side; a half to that power is 0.
    let many = try #require(Samples((1...10_000).map(Double.init)).medianInterval)
    #expect((many.low - 4902).magnitude <= 2 && (many.high - 5099).magnitude <= 2)
  }

  /// Of 2000 intervals for samples of a known distribution, as many hold its median as the binomial says: of 6 values
  /// 96.9 %, of 20 95.9 %; four deviations to each side.
  @Test(arguments: [(6, 0.96875), (20, 0.95861)])
  func intervalsHoldTheTruthAsOftenAsTheySay(count: Int, share: Double) {
    var generator = SeededGenerator(seed: 11)
    let hits = (0..<2000).count { _ in
      let samples = Noise.boots(count, median: 100, late: 0, &generator)
      return samples.medianInterval.map { $0.low <= 100 && 100 <= $0.high } ?? false
    }
    #expect((Double(hits) / 2000 - share).magnitude < 4 * (share * (1 - share) / 2000).squareRoot())
  }

  /// What a round does to both is no doubt of their quotient.
  @Test func ratiosAreOfPairs() throws {
    let base = Samples((0..<20).map { 100 + Double($0 * 7 % 20) })
    let twice = Samples(base.values.map { 2 * $0 })
    #expect(Bootstrap().ratio(of: twice, to: base) == Interval(low: 2, high: 2))
    let apart = try #require(Bootstrap(seed: 3).ratio(of: Samples(twice.values.reversed()), to: base))
    #expect(apart.low < 2 && 2 < apart.high && apart.high - apart.low < 0.3)
    #expect(Bootstrap(seed: 3).ratio(of: Samples(twice.values.reversed()), to: base) == apart)
    let (six, five) = (Samples([1, 2, 3, 4, 5, 6]), Samples([1, 2, 3, 4, 5]))
    #expect(Bootstrap().ratio(of: six, to: six) == Interval(low: 1, high: 1))
    #expect(Bootstrap().ratio(of: five, to: five) == nil)
    #expect(Bootstrap().ratio(of: six, to: twice) == nil)
    #expect(Bootstrap().ratio(of: six, to: Samples([0, 1, 2, 3, 4, 5])) == nil)
  }

  /// Rounds of which every third is slow for both, and each has noise of its own besides: at least 90 % of the intervals
  /// of 20 rounds hold the quotient.
  @Test func ratiosHoldTheTruthAsOftenAsTheySay() {
    var generator = SeededGenerator(seed: 12)
    let hits = (0..<200).count { _ in
      let slow = (0..<20).map { _ in Int.random(in: 0..<3, using: &generator) == 0 ? 1.5 : 1 }
      func values(_ median: Double) -> Samples {
        Samples(zip(slow, Noise.boots(20, median: median, late: 0, &generator).values).map { $0 * $1 })
      }
      let (base, other) = (values(100), values(130))
      let interval = Bootstrap(rounds: 200).ratio(of: other, to: base)
      return interval.map { $0.low <= 1.3 && 1.3 <= $0.high } ?? false
    }
    #expect((180...200).contains(hits))
  }

  /// Of many durations a thousandth is all that is lost, but for the ends.
  @Test func talliesKeepWhatIsTold() throws {
    var (tally, samples) = (Tally(), Samples())
    #expect(tally.summary == nil && tally.values(atMost: 10) == [])
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<5000 {
      let value = UInt64.random(
        in: 200_000...(1 << UInt64.random(in: 18...32, using: &generator)), using: &generator)
      tally.add(value)
      samples.append(Double(value))
    }
    let (told, all) = (try #require(tally.summary), try #require(Summary(samples)))
    #expect(told.count == 5000 && (told.minimum, told.maximum) == (all.minimum, all.maximum))
    for (near, exact) in [(told.median, all.median), (told.p90, all.p90), (told.p99, all.p99)] {
      #expect((near / exact - 1).magnitude < 0.001)
    }
    let few = tally.values(atMost: 100)
    #expect(few.count == 100 && tally.values(atMost: 10_000).count == 5000)
    #expect((Samples(few).median / all.median - 1).magnitude < 0.05)
    // A stall is a start among others.
    tally.add(60_000_000_000)
    #expect(tally.summary?.maximum == 6e10)
  }

  /// Values of R's wilcox.test.
  @Test func theRankTestHasKnownAnswers() {
    func p(_ first: [Double], _ second: [Double]) -> Double {
      RankTest.probability(Samples(first), Samples(second))
    }
    #expect((p([1, 2, 3], [4, 5, 6]) - 0.1).magnitude < 1e-12)
    #expect((p([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) - 2.0 / 252).magnitude < 1e-12)
    #expect((p([6, 7, 8, 9, 10], [1, 2, 3, 4, 5]) - 2.0 / 252).magnitude < 1e-12)
    // The depression scale of Hollander and Wolfe (1973), p. 69: W = 35, one-sided 0.1272.
    let permeability = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
    #expect((p(permeability, [1.15, 0.88, 0.90, 0.74, 1.21]) - 0.2544).magnitude < 1e-4)
    #expect(p([1, 4], [2, 3]) == 1)
    // Equal values: of the 252 ways, those with as few pairs or fewer, twice.
    #expect((p([1, 1, 2, 3, 4], [2, 3, 4, 5, 6]) - 2.0 * 17 / 252).magnitude < 1e-12)
    #expect(p([5, 5, 5], [5, 5, 5]) == 1)
    #expect(p([], [1]) == 1)
  }

  /// The exact and the approximate way agree, from where all of one series are below the other to where nothing differs.
  @Test func bothWaysAgree() {
    for shift in 0...31 {
      let (first, second) = ((0..<30).map(Double.init), (0..<30).map { Double($0 + shift) - 0.5 })
      let exact = RankTest.probability(Samples(first), Samples(second))
      let (sum, groups) = RankTest.ranks(Samples(first), Samples(second))
      let near = RankTest.approximate(sum, groups, 30, 30)
      #expect((exact - near).magnitude < 0.0032, "\(shift): \(exact) \(near)")
      // Where it decides, the approximation is a little less sure, as the next term of the series has it: never surer.
      if exact < 0.02 { #expect((exact...exact + 0.0009).contains(near), "\(shift): \(exact) \(near)") }
    }
  }

  /// All ways to choose, one by one, give the same as the sums do: with equal values, and with unequal lengths.
  @Test func theExactWayIsThatOfAllWaysToChoose() {
    var generator = SeededGenerator(seed: 5)
    for (m, n) in [(1, 1), (1, 6), (3, 5), (5, 3), (6, 6), (4, 7)] {
      for values in [2, 4, 100] {
        func draw(_ count: Int) -> [Double] {
          (0..<count).map { _ in Double(Int.random(in: 0..<values, using: &generator)) }
        }
        let (first, second) = (draw(m), draw(n))
        let all = first + second
        func pairs(_ chosen: Int) -> Double {
          let (own, others) = (
            all.indices.filter { chosen >> $0 & 1 == 1 }, all.indices.filter { chosen >> $0 & 1 == 0 }
          )
          return own.reduce(0) { sum, place in
            sum + others.reduce(0.0) { $0 + (all[place] > all[$1] ? 1 : all[place] == all[$1] ? 0.5 : 0) }
          }
        }
        let ways = (0..<1 << (m + n)).filter { $0.nonzeroBitCount == m }.map(pairs)
        func tails(_ place: Double) -> Double {
          let (below, above) = (ways.count { $0 <= place }, ways.count { $0 >= place })
          return min(1, 2 * Double(min(below, above)) / Double(ways.count))
        }
        let answer = RankTest.answer(Samples(first), Samples(second))
        #expect((answer.probability - tails(pairs((1 << m) - 1))).magnitude < 1e-12, "\(first) \(second)")
        #expect((answer.least - (ways.map(tails).min() ?? 1)).magnitude < 1e-12, "\(first) \(second)")
      }
    }
  }

  /// Equal values within a series do not hide that the two have nothing in common.
  @Test func equalValuesAreAsSureAsTheyCanBe() {
    let before = Samples([26, 26, 27, 28, 26, 27, 29, 26])
    let after = Samples([33, 34, 33, 32, 33, 35, 34, 33])
    #expect((RankTest.probability(before, after) / RankTest.least(8, 8) - 1).magnitude < 1e-9)
    let many = RankTest.answer(Samples([1, 2, 3, 4, 5, 6]), Samples((0..<50).map { 100 + Double($0) }))
    #expect((many.probability / RankTest.least(6, 50) - 1).magnitude < 1e-9)
    // Of more than some 35 each it is the approximation, which is never surer than can be.
    let (low, high) = (Samples((0..<60).map(Double.init)), Samples((0..<60).map { 100 + Double($0) }))
    let told = RankTest.probability(low, high)
    #expect(told > RankTest.least(60, 60) && told < 1e-15)
    // Constants cannot differ, however many there are; nor does their number matter.
    let constant = Samples([Double](repeating: 5, count: 60))
    #expect(RankTest.answer(constant, constant) == .init(probability: 1, least: 1))
    let huge = Samples([Double](repeating: 5, count: 100_000))
    #expect(RankTest.answer(huge, constant) == .init(probability: 1, least: 1))
  }

  /// Two in all ways to choose one's places among all: 252 for five of ten.
  @Test func theLeastIsWhatNothingInCommonHas() {
    #expect((RankTest.least(5, 5) - 2.0 / 252).magnitude < 1e-12)
    #expect((RankTest.least(8, 8) - 2.0 / 12_870).magnitude < 1e-12)
    #expect((RankTest.least(2, 10) - 2.0 / 66).magnitude < 1e-12)
    #expect(RankTest.least(1, 1) == 1 && RankTest.least(0, 5) == 1)
    for count in 2...30 {
      let below = Samples((0..<count).map(Double.init))
      let above = Samples((0..<count).map { 100 + Double($0) })
      #expect((RankTest.probability(below, above) / RankTest.least(count, count) - 1).magnitude < 1e-9)
    }
    // Equal values among themselves do not make them surer.
    let (twos, threes) = (Samples([2, 2, 2, 2, 2]), Samples([3, 3, 3, 3, 3]))
    #expect(RankTest.probability(twos, threes) == RankTest.least(5, 5))
  }
}

struct DifferenceTests {
  /// A slowdown of a tenth in 20 runs with a twentieth of noise and a long tail is found, in each of 200 pairs of runs, and
  /// so is a tenth less.
  @Test func findsATenth() {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<200 {
      let before = Noise.boots(20, median: 100, &generator)
      let after = Noise.boots(20, median: 110, &generator)
      let both = Difference.all([.init(before, after), .init(after, before)])
      #expect(both.map(\.verdict) == [.more, .less])
    }
  }

  /// A time as a whole that is slower by a tenth is found beside 19 others that are not, in nearly all of 100 pairs of
  /// results; where it is one of the others, in nearly nine of ten. The 19 may cry wolf once by the level, more than four
  /// times with a probability of 0.004.
  @Test(arguments: [(0, 98), (7, 85)]) func findsATenthAmongMany(slow: Int, least: Int) {
    var generator = SeededGenerator(seed: 3)
    func document(_ median: Double) -> ResultDocument {
      var contestant = Contestant("boot")
      contestant.series = (0..<20).map { index in
        let samples = Noise.boots(20, median: index == slow ? median : 100, &generator)
        return Series(index == 0 ? Series.wall : "until \(index)", .nanoseconds, samples.values)
      }
      return ResultDocument(.boot, Conditions(), [contestant])
    }
    var (found, alarms) = (0, 0)
    for _ in 0..<100 {
      let rows = Comparison(document(100), document(110)).rows
      found += rows[slow].isWorse ? 1 : 0
      alarms += rows.indices.contains { $0 != slow && rows[$0].difference.verdict != .same } ? 1 : 0
    }
    #expect(found >= least && alarms <= 4, "\(found), \(alarms)")
  }

  /// Of 300 comparisons of 20 pairs of equal series each, at most a hundredth may cry wolf: three, and more than eight
  /// with a probability of 0.004. With the least effect it is fewer.
  @Test func doesNotCryWolf() {
    var generator = SeededGenerator(seed: 4)
    let alarms = (0..<300).count { _ in
      let pairs = (0..<20).map { _ in
        Difference.Pair(Noise.boots(20, median: 100, &generator), Noise.boots(20, median: 100, &generator))
      }
      return Difference.all(pairs).contains { $0.verdict != .same }
    }
    #expect(alarms <= 8)
  }

  @Test func smallDifferencesAreNotToldOf() {
    let before = Samples((0..<20).map { 100 + Double($0) * 0.01 })
    let after = Samples(before.values.map { $0 + 3 })
    #expect(Difference.all([.init(before, after)])[0].verdict == .same)
    #expect(Difference.all([.init(before, after)], effect: 0.02)[0].verdict == .more)
    #expect(Difference.all([.init(before, before)])[0].ratio == 1)
  }

  /// Five of ten cannot be surer than 2 in 252, 0.0079: enough for one at the level of 0.01, not beside another.
  @Test func seriesTooShortAreTold() {
    let pair = Difference.Pair(Samples([1, 2, 3, 4, 5]), Samples([6, 7, 8, 9, 10]))
    let long = Difference.Pair(
      Samples((0..<20).map(Double.init)), Samples((0..<20).map { 100 + Double($0) }))
    #expect(Difference.all([pair])[0].verdict == .more)
    #expect(Difference.all([pair], level: 0.005)[0].verdict == .tooFew)
    #expect(Difference.all([pair, long]).map(\.verdict) == [.tooFew, .more])
    #expect(Difference.all([.init(Samples(), pair.after)])[0].verdict == .tooFew)
    #expect(Difference.valuesNeeded(besides: 1) == 5)
    #expect(Difference.valuesNeeded(besides: 2) == 6)
    #expect(Difference.valuesNeeded(besides: 1, level: 0.005) == 6)
    #expect(Difference.valuesNeeded(besides: 20, level: 0.005) == 8)
  }

  /// By Holm's method one pair among many must be surer than one alone; what is too short is none of them.
  @Test func manyPairsNeedSurerOnes() {
    let before = Samples((0..<7).map(Double.init) + [100])
    let after = Samples((0..<7).map { 50.5 + Double($0) } + [101])
    let p = RankTest.probability(before, after)
    #expect(p < Difference.level && p > Difference.level / 40)
    let same = Difference.Pair(Samples((0..<12).map(Double.init)), Samples((0..<12).map(Double.init)))
    func verdict(besides others: [Difference.Pair]) -> Difference.Verdict {
      Difference.all([.init(before, after)] + others)[0].verdict
    }
    #expect(verdict(besides: []) == .more)
    #expect(verdict(besides: .init(repeating: same, count: 39)) == .same)
    #expect(verdict(besides: .init(repeating: .init(Samples([1]), Samples([2])), count: 39)) == .more)
  }
}

/// Times as boots have them: a log-normal body of 4 % around the median, and one in ten delayed by up to a third.
enum Noise {
  static func boots(_ count: Int, median: Double, late: Double = 0.1, _ generator: inout SeededGenerator)
    -> Samples
  {
    Samples(
      (0..<count).map { _ in
        let body = median * (1 + 0.04 * normal(&generator))
        let isLate = Double.random(in: 0..<1, using: &generator) < late
        return isLate ? body * (1 + Double.random(in: 0..<0.33, using: &generator)) : body
      })
  }

  /// By the sum of twelve uniform numbers.
  private static func normal(_ generator: inout SeededGenerator) -> Double {
    (0..<12).reduce(-6.0) { sum, _ in sum + Double.random(in: 0..<1, using: &generator) }
  }
}
