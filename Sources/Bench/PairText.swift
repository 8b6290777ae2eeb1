extension ResultDocument {
  /// For each contestant a table of the times it took, beside those that `base` took for the same.
  func pairTables(base: String) -> String {
    let reference = contestants.first { $0.name == base }
    let tables = contestants.filter { $0.name != base && $0.absence == nil }.map { contestant in
      let alone = contestant.name == contestants.first?.name ? seriesOfNobodyElse(reference) : []
      return pairTable(contestant, reference, base: base, alone: alone)
    }
    return (tables + [missingLines]).filter { !$0.isEmpty }.joined(separator: "\n")
  }

  /// What only the base can do has rows too.
  private func seriesOfNobodyElse(_ reference: Contestant?) -> [String] {
    let others = contestants.filter { $0.name != reference?.name }
    return (reference?.series ?? []).map(\.name).filter { name in !others.contains { $0.series(name) != nil }
    }
  }

  private func pairTable(
    _ contestant: Contestant, _ reference: Contestant?, base: String, alone: [String]
  ) -> String {
    let hasInstructions = contestant.series.contains { $0.counters?["insn_emulation"] != nil }
    let hasBytes = contestant.series.contains { $0.bytesMoved != nil }
    var headings = [
      "\(contestant.name), µs", "min", "median", "p90", "max", "spread", base, "spread", "ratio", "95 %",
    ]
    if hasInstructions { headings.append("instructions") }
    if hasBytes { headings += ["MiB/s", "\(base) MiB/s"] }
    var table = TextTable(headings)
    for name in contestant.series.map(\.name) + alone {
      let pair = Pair(name, ours: contestant.series(name), base: reference?.series(name))
      table.add(
        pair.times + (hasInstructions ? [pair.instructions] : []) + (hasBytes ? pair.rates : []))
    }
    return table.text
  }
}

/// What two contestants took for the same.
private struct Pair {
  let name: String
  let ours: Series?
  let base: Series?

  init(_ name: String, ours: Series?, base: Series?) {
    (self.name, self.ours, self.base) = (name, ours, base)
  }

  var times: [String] {
    func text(_ value: Double?) -> String { value.map { fixed($0 / 1e3, $0 < 1e5 ? 2 : 1) } ?? "-" }
    let (own, other) = (ours.map { Samples($0.values) }, base.map { Samples($0.values) })
    var (ratio, interval) = ("-", "-")
    if let own, let other {
      ratio = ratioText(own.median / other.median)
      interval =
        Bootstrap().ratio(of: own, to: other).map { "\(ratioText($0.low)) to \(ratioText($0.high))" } ?? "-"
    }
    return [name] + [own?.minimum, own?.median, own?.quantile(0.9), own?.maximum].map(text)
      + [own?.spreadText ?? "-", text(other?.median), other?.spreadText ?? "-", ratio, interval]
  }

  var instructions: String {
    ours?.counters?["insn_emulation"].map { fixed(Samples($0).median, 0) } ?? "-"
  }

  var rates: [String] { [ours, base].map { $0?.bytesPerSecond.map { fixed($0 / 1_048_576, 0) } ?? "-" } }
}

extension Series {
  /// By the median of its times.
  var bytesPerSecond: Double? { bytesMoved.map { Double($0) * 1e9 / Samples(values).median } }
}
