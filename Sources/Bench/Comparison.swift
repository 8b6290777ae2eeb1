/// What differs between two results of the same benchmark.
package struct Comparison {
  package struct Row: Sendable, Equatable {
    package let contestant: String
    package let series: String
    package let unit: Series.Unit
    package let difference: Difference

    package var isWorse: Bool { difference.verdict == (unit == .perSecond ? .less : .more) }
  }

  package let rows: [Row]
  /// What was measured before and is not any more, and why, a line each.
  package let lost: [String]
  /// What was not measured before, or failed, and is now.
  package let news: [String]
  /// What makes the results hard to compare.
  package let notes: [String]

  package var isWorse: Bool { !lost.isEmpty || rows.contains(where: \.isWorse) }

  /// Whether all rows are too short to tell of a difference.
  package var isTooShort: Bool { !rows.isEmpty && rows.allSatisfy { $0.difference.verdict == .tooFew } }

  package var isEmpty: Bool { rows.isEmpty && lost.isEmpty && news.isEmpty }

  /// Compares the series that both have, by the names of contestant and series. What a reader looks at first
  /// (``ResultDocument/isPrimary(_:)``) has a half of the level for itself, so that the many others do not take it away.
  package init(_ before: ResultDocument, _ after: ResultDocument, effect: Double = Difference.effect) {
    let pairs = Comparison.pairs(before, after)
    let families = [true, false].map { isPrimary in
      pairs.indices.filter { before.isPrimary(pairs[$0].before) == isPrimary }
    }.filter { !$0.isEmpty }
    let level = Difference.level / Double(max(families.count, 1))
    var differences: [Int: Difference] = [:]
    var needed = 0
    for family in families {
      let found = Difference.all(
        family.map { (Samples(pairs[$0].before.values), Samples(pairs[$0].after.values)) }, level: level,
        effect: effect)
      for (index, difference) in zip(family, found) { differences[index] = difference }
      if found.contains(where: { $0.verdict == .tooFew }) {
        needed = max(needed, Difference.valuesNeeded(besides: family.count, level: level))
      }
    }
    rows = pairs.indices.compactMap { index in
      let pair = pairs[index]
      return differences[index].map {
        Row(contestant: pair.contestant, series: pair.before.name, unit: pair.before.unit, difference: $0)
      }
    }
    lost = Comparison.missing(in: after, of: before)
    news = Comparison.missing(in: before, of: after, isNews: true)
    notes =
      (needed > 0 ? ["too few runs to tell of some: \(needed) in each result would do"] : [])
      + Comparison.notes(before, after)
  }

  private typealias Pair = (contestant: String, before: Series, after: Series)

  private static func pairs(_ before: ResultDocument, _ after: ResultDocument) -> [Pair] {
    before.contestants.filter(\.isMeasured).flatMap { old -> [Pair] in
      guard let new = after.contestants.first(where: { $0.name == old.name }), new.isMeasured else {
        return []
      }
      return old.series.compactMap { series in
        guard before.isOfRuns(series), let other = new.series(series.name), other.unit == series.unit
        else { return nil }
        return (old.name, series, other)
      }
    }
  }

  /// What one result has numbers of and the other has not, a line each.
  private static func missing(
    in other: ResultDocument, of one: ResultDocument, isNews: Bool = false
  ) -> [String] {
    one.contestants.filter(\.isMeasured).flatMap { contestant -> [String] in
      guard let counterpart = other.contestants.first(where: { $0.name == contestant.name }) else {
        return ["\(contestant.name): \(isNews ? "new" : "gone")"]
      }
      guard counterpart.isMeasured else {
        let reason =
          counterpart.failure.map { "fails: \($0)" } ?? counterpart.absence.map { "absent: \($0)" }
        return ["\(contestant.name): \(isNews ? "measured now; before, it " : "")\(reason ?? "no values")"]
      }
      let gone = contestant.series.filter { series in
        counterpart.series(series.name)?.unit != series.unit && !one.isOfSomeRuns(series, contestant)
      }
      return gone.map { series in
        let reason = counterpart.notMeasured?[series.name].map { ": \($0)" } ?? ""
        return "\(contestant.name), \(series.name): \(isNews ? "new" : "gone")\(isNews ? "" : reason)"
      }
    }
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

extension Contestant {
  fileprivate var isMeasured: Bool { absence == nil && failure == nil && !series.isEmpty }
}

extension ResultDocument {
  /// What its reader looks at first: times as a whole, and rates of starts.
  func isPrimary(_ series: Series) -> Bool {
    kind == .startRate ? series.unit == .perSecond : series.name == Series.wall
  }

  /// Whether its values are of runs, each on its own. Starts one after another are not: they share what the host does
  /// meanwhile, and only some of their times are kept.
  fileprivate func isOfRuns(_ series: Series) -> Bool { kind != .startRate || isPrimary(series) }

  /// Whether it is of a step that only some boots had: the next ones may have none of it.
  fileprivate func isOfSomeRuns(_ series: Series, _ contestant: Contestant) -> Bool {
    kind == .boot && series.values.count < contestant.series(Series.wall)?.values.count ?? 0
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
    return (rows.isEmpty ? "" : table.text) + lost.map { "lost: \($0)\n" }.joined()
      + (news + notes).map { "note: \($0)\n" }.joined()
  }
}

extension Comparison.Row {
  fileprivate var verdict: String {
    switch (difference.verdict, unit) {
    case (.same, _): ""
    case (.tooFew, _): "too few runs to tell"
    case (.more, .nanoseconds), (.less, .perSecond): "slower"
    case (.less, .nanoseconds), (.more, .perSecond): "faster"
    case (.more, .count), (.more, .bytes): "more"
    case (.less, .count): "fewer"
    case (.less, .bytes): "less"
    }
  }
}

extension Series.Unit {
  /// Milliseconds or less, a number, or mebibytes.
  package func text(_ value: Double) -> String {
    switch self {
    case .nanoseconds: value < 1e5 ? fixed(value / 1e3, 2) + " µs" : fixed(value / 1e6, 3) + " ms"
    case .count: fixed(value, 0)
    case .perSecond: fixed(value, 1)
    case .bytes: fixed(value / 1_048_576, 2) + " MiB"
    }
  }
}
