import Testing

@testable import Bench

struct PageTests {
  /// The values of an attribute, in their order.
  private func values(_ attribute: String, in text: Substring) -> [String] {
    text.split(separator: " \(attribute)=\"").dropFirst().map { String($0.prefix { $0 != "\"" }) }
  }

  /// The plots of a class, by what follows its mark.
  private func plots(_ kind: String, in page: String) -> [Substring] {
    page.split(separator: "<svg class=\"\(kind)\"").dropFirst().map { $0.split(separator: "</svg>")[0] }
  }

  /// Twenty boots of three phases.
  static func boots() throws -> ResultDocument {
    var contestant = Contestant(
      "swiftlet boot", command: ["swiftlet", "boot", "--append", "a <b> \"c\" & d"])
    let boots = try (0..<20).map { run -> (wall: UInt64, phases: BootPhases) in
      let steps = [
        BootRecord.Step("command started", at: 1_000_000),
        .init("guest off", at: 5_000_000 + UInt64(run) * 1000),
      ]
      let end = UInt64(9_000_000 + run * 2000)
      return (end, try BootPhases(BootRecord(steps: steps), from: 0, to: end))
    }
    contestant.add(boots)
    return ResultDocument(.boot, Conditions(), [contestant])
  }

  /// Two that ran, in the wrong order, and one that did not.
  static func comparison() -> ResultDocument {
    func contestant(_ name: String, _ values: [Double]) -> Contestant {
      var contestant = Contestant(name)
      contestant.series = [Series(Series.wall, .nanoseconds, values)]
      return contestant
    }
    var absent = Contestant("absent")
    absent.absence = "not in PATH"
    let slow = contestant("swiftlet run", [2e9, 8e9, 3e9])
    return ResultDocument(.compare, Conditions(), [slow, absent, contestant("process", [3e5, 4e5, 5e5])])
  }

  @Test func aBootsPlotsHoldItsNumbers() throws {
    let document = try Self.boots()
    let page = Page(document).html
    let bar = try #require(plots("phases", in: page).first)
    #expect(
      values("data-phase", in: bar) == ["until command started", "until guest off", "until process gone"])
    #expect(values("data-value", in: bar) == ["1000000", "4009500", "4009500"])
    let strips = plots("values", in: page)
    #expect(strips.count == 3)
    let expected = document.contestants[0].series.dropFirst().map { $0.values.map { fixed($0, 0) } }
    #expect(strips.map { values("data-value", in: $0) } == expected)
    // Parts of a bar lie beside one another, and fill it.
    let edges = zip(values("x", in: bar), values("width", in: bar)).map { x, width in
      (Double(x.dropLast()) ?? -1, Double(width.dropLast()) ?? -1)
    }
    #expect(edges.count == 3 && edges[0].0 == 0)
    for (part, next) in zip(edges, edges.dropFirst()) { #expect((part.0 + part.1 - next.0).magnitude < 0.01) }
    #expect((edges[2].0 + edges[2].1 - 100).magnitude < 0.01)
    let counts = values("data-count", in: try #require(plots("histogram", in: page).first)).compactMap {
      Int($0)
    }
    #expect(counts.reduce(0, +) == 20)
    #expect(page.contains("a &lt;b&gt; &quot;c&quot; &amp; d") && !page.contains("<b>"))
  }

  @Test func aComparisonsPlotsHoldItsNumbers() throws {
    let page = Page(Self.comparison(), base: "process").html
    let strips = plots("values", in: page)
    #expect(strips.flatMap { values("data-name", in: $0) } == ["process", "swiftlet run"])
    #expect(values("data-value", in: strips[0]) == ["300000", "400000", "500000"])
    #expect(values("data-value", in: strips[1]) == ["2000000000", "8000000000", "3000000000"])
    // Greater times are further right, and all are on the plot.
    let places = strips.flatMap { values("cx", in: $0).compactMap { Double($0.dropLast()) } }
    #expect(places[0] < places[1] && places[2] < places[3] && places[5] < places[4])
    #expect(places.allSatisfy { (0...100).contains($0) })
    #expect(page.contains("absent: absent: not in PATH"))
    #expect(page.contains("7500 × process"))
  }

  @Test func thePageNeedsNothingElse() {
    let page = Page(DocumentTests.document(wall: [1e6, 2e6, 3e6])).html
    for outside in ["http", "src=", "<script", "url(", "@import", "<link"] {
      #expect(!page.contains(outside))
    }
    #expect(page.contains("prefers-color-scheme: dark"))
    #expect(page.contains("width=device-width"))
  }

  @Test func scalesPlaceValues() {
    #expect(Scale.linear(0, 10).percent(5) == 50)
    #expect(Scale.linear(0, 0).percent(0) == 0)
    let scale = Scale.logarithmic(1e6, 1e8)
    #expect((scale.percent(1e7) - 50).magnitude < 0.001)
    #expect(scale.percent(1) == 0 && scale.percent(1e12) == 100)
    #expect(scale.axis().contains(">10 ms<") && scale.axis().contains(">100 ms<"))
    #expect(Scale.logarithmic(20, 2e4).axis().contains(">100 ns<"))
    let linear = Scale.linear(0, 2_097_152).axis(in: .bytes)
    #expect(linear.contains(">0.00 MiB<") && linear.contains(">2.00 MiB<"))
  }
}
