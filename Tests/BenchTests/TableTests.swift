import Glibc
import Testing

@testable import Bench

/// What is told of exits, devices, densities and rates.
struct TableTests {
  /// One that did two of three things, beside a base that did the first and the third.
  static func pairs() -> ResultDocument {
    var (ours, base) = (Contestant("swiftlet"), Contestant("C program"))
    ours.series = [
      Series(
        "port write", .nanoseconds, [12_000, 10_000, 11_000], counters: ["insn_emulation": [3, 3, 3]],
        moving: 1_048_576),
      Series("memory read", .nanoseconds, [400, 500, 600]),
    ]
    base.series = [
      Series("port write", .nanoseconds, [5000, 5500, 6000], moving: 1_048_576),
      Series("ioeventfd", .nanoseconds, [1000, 2000, 3000]),
    ]
    ours.notMeasured = ["ioeventfd": "not used"]
    return ResultDocument(.exits, Conditions(), [ours, base])
  }

  /// Two sizes of a crowd.
  static func crowd() -> ResultDocument {
    let contestants = [1, 2].map { count in
      var contestant = Contestant("\(count) machines")
      contestant.series = [
        Series(DensitySeries.resident, .bytes, (0..<count).map { Double(12 + $0) * 1_048_576 }),
        Series(DensitySeries.threads, .count, [Double](repeating: 4, count: count)),
      ]
      return contestant
    }
    return ResultDocument(.density, Conditions(), contestants)
  }

  static func rates() -> ResultDocument {
    let contestants = [("process", 1e6), ("swiftlet", 5e6)].map { name, time in
      var contestant = Contestant(RateSeries.contestant(name, together: 2))
      contestant.series = [
        Series(Series.wall, .nanoseconds, [2 * time, 3 * time, 4 * time]),
        Series(RateSeries.rate, .perSecond, [1e9 / time, 1e9 / time, 1e9 / time]),
      ]
      return contestant
    }
    return ResultDocument(.startRate, Conditions(), contestants)
  }

  /// A row's words, without its name.
  private func row(_ name: String, in text: String) throws -> [Substring] {
    let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name + " ") }, "\(text)")
    return line.dropFirst(name.count).split(separator: " ")
  }

  @Test func pairsAreToldBesideEachOther() throws {
    let text = Self.pairs().text(base: "C program")
    #expect(
      try row("port write", in: text) == [
        "10.00", "11.00", "11.80", "12.00", "9", "%", "5.50", "9", "%", "2.00", "-", "3", "90909", "181818",
      ])
    #expect(
      try row("memory read", in: text) == [
        "0.40", "0.50", "0.58", "0.60", "20", "%", "-", "-", "-", "-", "-", "-", "-",
      ])
    #expect(
      try row("ioeventfd", in: text) == [
        "-", "-", "-", "-", "-", "2.00", "50", "%", "-", "-", "-", "-", "-",
      ])
    #expect(text.contains("\nswiftlet, ioeventfd: not used\n"))
  }

  @Test func aBaseThatIsAbsentLeavesTheRest() throws {
    var document = Self.pairs()
    document.contestants[1] = Contestant("C program")
    document.contestants[1].absence = "not there"
    let text = document.text(base: "C program")
    #expect(
      try row("port write", in: text) == [
        "10.00", "11.00", "11.80", "12.00", "9", "%", "-", "-", "-", "-", "3", "90909", "-",
      ])
    #expect(text.contains("\nC program: absent: not there\n"))
  }

  @Test func crowdsAreToldByTheirSize() throws {
    let text = Self.crowd().text()
    #expect(try row("1 machines", in: text) == ["12.00", "-", "-", "-", "-", "4", "-", "0", "%"])
    #expect(try row("2 machines", in: text) == ["12.50", "-", "-", "-", "-", "4", "-", "4", "%"])
  }

  @Test func ratesAreToldBesideTheHosts() throws {
    let text = Self.rates().text(base: "process")
    #expect(
      try row("process, 2 at once", in: text) == [
        "1000.0", "1000", "1000", "0", "%", "1.000", "2.00", "3.00", "3.80", "3.98", "4.00",
      ])
    #expect(
      try row("swiftlet, 2 at once", in: text) == [
        "200.0", "200", "200", "0", "%", "0.200", "10.00", "15.00", "19.00", "19.90", "20.00",
      ])
  }

  /// A second in which nothing ended is a part of the time.
  @Test func stallsLowerARate() throws {
    var document = Self.rates()
    document.contestants[1].series[1] = Series(RateSeries.rate, .perSecond, [200, 0, 200, 200])
    #expect(
      try row("swiftlet, 2 at once", in: document.text(base: "process")).prefix(6) == [
        "150.0", "0", "200", "25", "%", "0.150",
      ])
  }

  /// Times of starts one after another are no runs; seconds are, and more of them are better.
  @Test func ratesAreComparedByTheSecond() {
    func document(_ factor: Double) -> ResultDocument {
      var document = Self.rates()
      for index in document.contestants.indices {
        document.contestants[index].series = [
          Series(Series.wall, .nanoseconds, (0..<20).map { factor * (2e6 + Double($0)) }),
          Series(RateSeries.rate, .perSecond, (0..<10).map { factor * (100 + Double($0)) }),
        ]
      }
      return document
    }
    let (few, many) = (document(1), document(2))
    #expect(Comparison(many, few).isWorse && !Comparison(few, many).isWorse)
    #expect(Comparison(few, many).rows.map(\.series) == [RateSeries.rate, RateSeries.rate])
    #expect(
      Comparison(few, many).text.contains(
        "process, 2 at once, starts    104.5  209.0  2.000  0.0000  faster\n"))
  }

  /// Every value of every series has its dot.
  @Test(arguments: [(pairs(), "C program"), (crowd(), ""), (rates(), "process")])
  func pagesHoldTheNumbers(document: ResultDocument, base: String) throws {
    let page = Page(document, base: base).html
    let dots = page.split(separator: "data-value=\"").dropFirst().map { String($0.prefix { $0 != "\"" }) }
    let values = document.contestants.flatMap { $0.series.flatMap { $0.values.map { fixed($0, 0) } } }
    #expect(dots.sorted() == values.sorted())
    for words in document.missing { #expect(page.contains("<li>\(words)</li>")) }
  }

  @Test func aJobIsWaitedForUntilItSaysSomething() throws {
    func start(_ script: String) throws -> RunningJob {
      try RunningJob(Job(name: "sh", arguments: ["/bin/sh", "-c", script]))
    }
    let patient = try start("printf 'a\nid'; printf 'le\n'; exec sleep 1000")
    try patient.waitUntilItSays("idle", within: 60)
    let ended = try patient.ended()
    #expect(ended == nil)
    let counts = try #require(ProcessTree.counts(of: patient.identifier))
    #expect(counts.threads == 1 && counts.descriptors >= 3)
    let process = patient.identifier
    patient.kill()
    #expect(Glibc.kill(process, 0) == -1)

    let brief = try start("echo no; echo why >&2; exit 3")
    let failure = #expect(throws: Failure.self) { try brief.waitUntilItSays("idle", within: 60) }
    #expect(failure?.description == "sh ended: why")
    let run = try brief.end(within: 60)
    #expect(run.exitStatus == 3)
    let silent = try start("exec sleep 1000")
    #expect(throws: Failure.self) { try silent.waitUntilItSays("idle", within: 0) }
    silent.kill()
  }
}
