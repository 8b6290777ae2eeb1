/// What differs between two results of the same benchmark.
package struct Comparison {
  package struct Row: Sendable, Equatable {
    package let contestant: String
    package let series: String
    package let unit: Series.Unit
    package let difference: Difference
  }

  package let rows: [Row]
  /// What makes the results hard to compare.
  package let notes: [String]

  package var isSlower: Bool { rows.contains { $0.difference.verdict == .slower } }

  /// Compares the series that both have, by the names of contestant and series.
  package init(_ before: ResultDocument, _ after: ResultDocument, effect: Double = Difference.effect) {
    var found: [(contestant: String, before: Series, after: Series)] = []
    for old in before.contestants {
      guard let new = after.contestants.first(where: { $0.name == old.name }) else { continue }
      for series in old.series {
        guard let other = new.series.first(where: { $0.name == series.name && $0.unit == series.unit }) else {
          continue
        }
        found.append((old.name, series, other))
      }
    }
    let differences = Difference.all(
      found.map { (Samples($0.before.values), Samples($0.after.values)) }, effect: effect)
    rows = zip(found, differences).compactMap { pair, difference in
      difference.map {
        Row(contestant: pair.contestant, series: pair.before.name, unit: pair.before.unit, difference: $0)
      }
    }
    notes = Comparison.notes(before, after)
  }

  private static func notes(_ before: ResultDocument, _ after: ResultDocument) -> [String] {
    let (old, new) = (before.conditions, after.conditions)
    var notes: [String] = []
    func note(_ what: String, _ old: String, _ new: String) {
      if old != new { notes.append("another \(what): \(old), then \(new)") }
    }
    note("host kernel", old.hostKernel, new.hostKernel)
    note("processor", "\(old.processors) x \(old.processor)", "\(new.processors) x \(new.processor)")
    note("guest kernel", old.kernelSHA256 ?? "none", new.kernelSHA256 ?? "none")
    let name = "hardware virtualization"
    note(name, old.kvm[name] ?? "unknown", new.kvm[name] ?? "unknown")
    notes += before.warnings.map { "before: \($0)" } + after.warnings.map { "after: \($0)" }
    return notes
  }
}

extension Comparison {
  package var text: String {
    var table = TextTable(["", "before", "after", "ratio", "p", ""])
    let hasMany = Set(rows.map(\.contestant)).count > 1
    for row in rows {
      let difference = row.difference
      table.add([
        (hasMany ? row.contestant + ", " : "") + row.series, row.unit.text(difference.before),
        row.unit.text(difference.after), fixed(difference.ratio, 3), fixed(difference.probability, 4),
        row.verdict,
      ])
    }
    return table.text + notes.map { "note: \($0)\n" }.joined()
  }
}

extension Comparison.Row {
  fileprivate var verdict: String {
    switch (difference.verdict, unit) {
    case (.same, _): ""
    case (.slower, .nanoseconds): "slower"
    case (.faster, .nanoseconds): "faster"
    case (.slower, .count), (.slower, .bytes): "more"
    case (.faster, .count): "fewer"
    case (.faster, .bytes): "less"
    }
  }
}

extension Series.Unit {
  /// Milliseconds or less, a number, or mebibytes.
  package func text(_ value: Double) -> String {
    switch self {
    case .nanoseconds: value < 1e5 ? fixed(value / 1e3, 2) + " µs" : fixed(value / 1e6, 3) + " ms"
    case .count: fixed(value, 0)
    case .bytes: fixed(value / 1_048_576, 2) + " MiB"
    }
  }
}
