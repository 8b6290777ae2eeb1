import Testing

@testable import Bench

/// What `bench diff` says of results that differ otherwise than in their medians.
struct ComparisonTests {
  private static func document(
    _ kind: ResultDocument.Kind, _ series: [Series], command: [String] = []
  ) -> ResultDocument {
    var contestant = Contestant("it", command: command)
    contestant.series = series
    return ResultDocument(kind, Conditions(), [contestant])
  }

  /// A step that nearly no boot comes to any more is lost, though its few times are as before.
  @Test(arguments: [(20, 20, 2, "in 10 % of runs, where it was in 100 %"), (20, 19, 0, "gone")])
  func aStepThatFewReachIsLost(runs: Int, before: Int, after: Int, says: String) {
    func boots(_ reaching: Int) -> ResultDocument {
      let wall = Series(Series.wall, .nanoseconds, (0..<runs).map { 1e8 + Double($0) })
      let step = Series("until user space", .nanoseconds, (0..<reaching).map { 5e7 + Double($0) })
      return Self.document(.boot, reaching == 0 ? [wall] : [wall, step])
    }
    let comparison = Comparison(boots(before), boots(after))
    #expect(comparison.lost == ["it, until user space: \(says)"])
    #expect(comparison.isWorse)
    #expect(Comparison(boots(before), boots(before - 5)).lost == [])
    #expect(Comparison(boots(4), boots(0)).lost == [])
  }

  /// Seconds in which nothing starts are as many as any others, so it is their mean that is told; and where the medians are
  /// equal, what became more is not told of as less.
  @Test func ratesAreComparedByTheirMeans() {
    func rates(_ counts: [Double]) -> ResultDocument {
      Self.document(.startRate, [Series(RateSeries.rate, .perSecond, counts)])
    }
    let stalled = rates([Double](repeating: 0, count: 60))
    let better = rates((0..<60).map { $0 < 28 ? 1 : 0 })
    let comparison = Comparison(stalled, better)
    #expect(comparison.rows[0].difference.verdict == .more && !comparison.isWorse)
    #expect(Comparison(better, stalled).isWorse)
    #expect((comparison.rows[0].difference.after - 28.0 / 60).magnitude < 1e-9)
  }

  @Test func whatDoesNotDifferIsTheSameWhateverTheEffect() {
    func count(_ values: [Double]) -> ResultDocument {
      Self.document(.boot, [Series(Series.wall, .nanoseconds, values)])
    }
    let (low, high) = ([Double](repeating: 1, count: 11), [Double](repeating: 2, count: 9))
    let comparison = Comparison(
      count([Double](repeating: 0, count: 9) + low), count(low + high), effect: 0)
    #expect(comparison.rows[0].difference.probability < 0.01)
    #expect(comparison.rows[0].difference.verdict == .same)
  }

  /// Of one machine there is one value, however often it is measured.
  @Test func fewMachinesAreLeftOut() {
    func machines(_ count: Int, _ size: Double) -> ResultDocument {
      var document = Self.document(
        .density, [Series(DensitySeries.resident, .bytes, (0..<count).map { size + Double($0) })])
      var one = Contestant("1 machine")
      one.series = [Series(DensitySeries.resident, .bytes, [size])]
      document.contestants.append(one)
      return document
    }
    let comparison = Comparison(machines(8, 1e6), machines(8, 2e6))
    #expect(comparison.rows.map(\.difference.verdict) == [.more] && comparison.notes == [])
    let short = Comparison(machines(4, 1e6), machines(4, 2e6))
    #expect(short.rows == [] && short.isTooShort && !short.isEmpty)
  }

  /// What makes another result of the same program is told, and what is another each time is not.
  @Test func otherConditionsAreNoted() {
    let wall = [Series(Series.wall, .nanoseconds, (0..<8).map { 1e8 + Double($0) })]
    let before = Self.document(.boot, wall, command: ["swiftlet", "/tmp/swiftlet-bench-AbC123/kernel"])
    var after = Self.document(.boot, wall, command: ["swiftlet", "/tmp/swiftlet-bench-xYz789/kernel"])
    #expect(Comparison(before, after).notes == [])
    after.contestants[0].command.append("--memory")
    after.conditions.cache = "dropped"
    after.conditions.swiftlet = "swiftlet 9"
    #expect(
      Comparison(before, after).notes == [
        "another Swiftlet: , then swiftlet 9", "another state of the caches: warm, then dropped",
        "another command of it: swiftlet TMP/kernel, then swiftlet TMP/kernel --memory",
      ])
  }
}
