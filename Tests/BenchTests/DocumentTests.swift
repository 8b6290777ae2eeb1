import Configuration
import Testing

@testable import Bench

struct DocumentTests {
  static func document(wall: [Double], exits: [Double] = [26, 26, 26, 26, 26]) -> ResultDocument {
    var conditions = Conditions()
    (conditions.hostKernel, conditions.processor, conditions.processors) = ("6.18", "CPU", 2)
    conditions.otherWork = 0.01
    var contestant = Contestant("swiftlet boot", command: ["swiftlet", "boot"])
    contestant.series = [Series(Series.wall, .nanoseconds, wall), Series("exits", .count, exits)]
    return ResultDocument(.boot, conditions, [contestant])
  }

  private static let steady = (0..<20).map { 1e8 + Double($0 * 7 % 20) * 1e5 }

  @Test func comesBackFromJSON() throws {
    var document = Self.document(wall: Self.steady)
    document.contestants[0].series[0].counters = ["exits": [1, 2]]
    document.warnings = ["a warning"]
    #expect(try ResultDocument(json: document.json(), path: "p") == document)
  }

  @Test(
    arguments: [
      "", "{}", "[]", "not JSON", #"{"format": "other", "version": 2}"#,
      #"{"format": "swiftlet-bench", "version": 1}"#, #"{"format": "swiftlet-bench", "version": 3}"#,
      #"{"format": "swiftlet-bench", "version": 2}"#,
    ])
  func whatIsNoResultIsRefused(_ text: String) {
    let error = #expect(throws: Diagnostic.self) {
      try ResultDocument(json: Array(text.utf8), path: "p.json")
    }
    #expect(error?.status == .badInput)
    #expect(error?.which == "p.json")
  }

  @Test func valuesAreLinesOfText() {
    var document = Self.document(wall: [1, 2], exits: [3])
    document.contestants.append(Contestant("a, \"b\""))
    document.contestants[1].series = [Series("x", .count, [7])]
    document.contestants.append(Contestant("broken"))
    document.contestants[2].failure = "status 9: last words"
    document.warnings = ["busy"]
    document.conditions.command = ["swiftlet", "bench", "boot"]
    #expect(
      document.csv == """
        contestant,series,unit,run,value
        ,date,text,,
        ,host kernel,text,,6.18
        ,processor,text,,2 x CPU
        ,measured by,text,,swiftlet bench boot
        ,Swiftlet,text,,
        ,load average,text,,"0.00, then 0.00"
        ,other work,text,,1 % of the processors' time
        ,warning,text,,busy
        swiftlet boot,command,text,,swiftlet boot
        swiftlet boot,wall,nanoseconds,1,1
        swiftlet boot,wall,nanoseconds,2,2
        swiftlet boot,exits,count,1,3
        "a, ""b""\",x,count,1,7
        broken,fails,text,,status 9: last words

        """)
  }

  @Test func doubtsAreTold() {
    var document = Self.document(wall: Self.steady)
    document.warn()
    #expect(document.warnings == [])
    document.conditions.otherWork = 0.3
    document.warn()
    #expect(document.warnings == ["the machine was busy: other work took 30 % of the processors' time"])
    document.conditions.otherWork = nil
    document.conditions.loadAtStart = 1.5
    document.warn()
    #expect(document.warnings == ["the machine was busy: its load average was 1.50"])
    document.conditions.loadAtStart = 0.1
    document.contestants[0].series = [Series(Series.wall, .nanoseconds, [1, 2, 3, 4, 5])]
    document.warn()
    #expect(
      document.warnings == [
        "the times of swiftlet boot are spread wide: half of them over 67 % of the median"
      ])
  }

  @Test func spreadsOfManyRowsAreOneLine() {
    var document = TableTests.pairs()
    document.conditions.otherWork = 0
    document.warn()
    #expect(
      document.warnings == [
        "the values of swiftlet are spread wide in 1 of 2 rows, most those of memory read: half of them over 20 % "
          + "of the median",
        "the values of C program are spread wide in 1 of 2 rows, most those of ioeventfd: half of them over 50 % "
          + "of the median",
      ])
    document = TableTests.rates()
    document.conditions.otherWork = 0
    document.contestants[1].series[1] = Series(RateSeries.rate, .perSecond, [100, 0, 200, 300])
    document.warn()
    #expect(
      document.warnings == [
        "the seconds of swiftlet, 2 at once are spread wide: half of them over 100 % of the median"
      ])
    document = TableTests.crowd()
    document.conditions.otherWork = 0
    document.contestants[1].series[0] = Series(DensitySeries.resident, .bytes, [1, 2])
    document.warn()
    #expect(
      document.warnings == [
        "the values of 2 machines are spread wide in 1 of 1 rows, most those of resident: half of them over 33 % "
          + "of the median"
      ])
  }

  @Test func comparisonsNameWhatGotSlower() {
    let before = Self.document(wall: Self.steady)
    let slower = Self.document(wall: Self.steady.map { 1.1 * $0 }, exits: [20, 20, 20, 20, 20, 20])
    let comparison = Comparison(Self.document(wall: Self.steady, exits: [26, 26, 26, 26, 26, 26]), slower)
    #expect(comparison.isWorse)
    #expect(comparison.rows.map(\.difference.verdict) == [.more, .less])
    #expect(comparison.text.contains("wall   100.950 ms  111.045 ms  1.100  0.0000  slower\n"))
    #expect(comparison.text.contains("fewer\n"))
    #expect(Comparison(slower, before).rows[0].difference.verdict == .less)
    #expect(!Comparison(before, before).isWorse)
    #expect(comparison.notes == [])
    var other = slower
    other.conditions.hostKernel = "7.0"
    other.warnings = ["busy"]
    #expect(Comparison(slower, other).notes == ["another host kernel: 6.18, then 7.0", "after: busy"])
  }

  /// Eight runs of five contestants, of which one has become slower, and is told of; the processor's times are another
  /// family, in which as many more take nothing away from the first.
  @Test func theWholeIsTestedApart() throws {
    func document(_ wall: [Double], _ phases: Int) -> ResultDocument {
      var document = Self.document(wall: wall, exits: [])
      document.contestants[0].series =
        [Series(Series.wall, .nanoseconds, wall)]
        + (0..<phases).map { Series("until \($0)", .nanoseconds, (0..<wall.count).map { 100 + Double($0) }) }
      return document
    }
    let six = (0..<6).map { 1e8 + Double($0) * 1e5 }
    let (before, after) = (document(six, 20), document(six.map { 1.1 * $0 }, 20))
    let comparison = Comparison(before, after)
    #expect(comparison.isWorse && !comparison.isTooShort)
    #expect(
      comparison.rows.map(\.difference.verdict) == [.more]
        + [Difference.Verdict](repeating: .tooFew, count: 20))
    #expect(comparison.text.contains("  too few runs to tell\n"))
    #expect(comparison.notes == ["too few runs to tell of some: 8 in each result would do"])
    // Five are too few even for one.
    let five = Array(six.prefix(5))
    let short = Comparison(document(five, 1), document(five.map { 2 * $0 }, 1))
    #expect(short.isTooShort && !short.isWorse)
    #expect(short.notes == ["too few runs to tell of some: 6 in each result would do"])
    // Alone it has all of the level.
    #expect(Comparison(document(five, 0), document(five.map { 2 * $0 }, 0)).isWorse)
  }

  @Test func whatIsLostIsWorseAndWhatIsNewIsTold() {
    let whole = Self.document(wall: Self.steady, exits: Self.steady)
    var (without, failed, fewer) = (whole, whole, whole)
    without.contestants = []
    failed.contestants[0].failure = "status 9: the last line"
    fewer.contestants[0].series.removeLast()
    fewer.contestants[0].notMeasured = ["exits": "nobody counts"]

    #expect(Comparison(whole, without).lost == ["swiftlet boot: gone"])
    #expect(Comparison(whole, without).text == "lost: swiftlet boot: gone\n")
    #expect(Comparison(whole, failed).lost == ["swiftlet boot: fails: status 9: the last line"])
    #expect(Comparison(whole, fewer).lost == ["swiftlet boot, exits: gone: nobody counts"])
    for after in [without, failed, fewer] { #expect(Comparison(whole, after).isWorse) }

    let news = [without, failed, fewer].map { Comparison($0, whole) }
    #expect(news.allSatisfy { !$0.isWorse && $0.lost == [] })
    #expect(
      news.map(\.news) == [
        ["swiftlet boot: new"], ["swiftlet boot: measured now; before, it fails: status 9: the last line"],
        ["swiftlet boot, exits: new"],
      ])
    #expect(news[0].text == "note: swiftlet boot: new\n")
    #expect(Comparison(without, without).isEmpty && Comparison(failed, failed).isEmpty)

    // A step that only some boots have may be missing in all of the next ones.
    var rare = whole
    rare.contestants[0].series.append(Series("until disk (2)", .nanoseconds, [1, 2]))
    #expect(Comparison(rare, whole).lost == [])
  }

  @Test func tablesAreInColumns() {
    var table = TextTable(["name", "n", ""])
    table.add(["a", "10", "left"])
    table.add(["long name", "7", ""])
    #expect(table.text == "name        n\na          10  left\nlong name   7\n")
    #expect(fixed(-0.004, 2) == "0.00" && fixed(12.345, 1) == "12.3" && fixed(.nan, 1) == "-")
  }
}
