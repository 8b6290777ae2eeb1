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
      "", "{}", "[]", "not JSON", #"{"format": "other", "version": 1}"#,
      #"{"format": "swiftlet-bench", "version": 2}"#,
      #"{"format": "swiftlet-bench", "version": 1}"#,
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

  @Test func comparisonsNameWhatGotSlower() {
    let before = Self.document(wall: Self.steady)
    let slower = Self.document(wall: Self.steady.map { 1.1 * $0 }, exits: [20, 20, 20, 20, 20])
    let comparison = Comparison(before, slower)
    #expect(comparison.isSlower)
    #expect(comparison.rows.map(\.difference.verdict) == [.slower, .faster])
    #expect(comparison.text.contains("wall   100.950 ms  111.045 ms  1.100  0.0000  slower\n"))
    #expect(comparison.text.contains("fewer\n"))
    #expect(!Comparison(slower, before).rows.isEmpty)
    #expect(Comparison(slower, before).rows[0].difference.verdict == .faster)
    #expect(!Comparison(before, before).isSlower)
    #expect(comparison.notes == [])
    var other = slower
    other.conditions.hostKernel = "7.0"
    other.warnings = ["busy"]
    #expect(Comparison(before, other).notes == ["another host kernel: 6.18, then 7.0", "after: busy"])
    other.contestants = []
    #expect(Comparison(before, other).rows == [])
  }

  @Test func tablesAreInColumns() {
    var table = TextTable(["name", "n", ""])
    table.add(["a", "10", "left"])
    table.add(["long name", "7", ""])
    #expect(table.text == "name        n\na          10  left\nlong name   7\n")
    #expect(fixed(-0.004, 2) == "0.00" && fixed(12.345, 1) == "12.3" && fixed(.nan, 1) == "-")
  }
}
