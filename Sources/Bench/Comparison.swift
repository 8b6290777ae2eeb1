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

  /// Whether there is something to compare, and all of it is too short to tell of a difference.
  package var isTooShort: Bool { hasPairs && rows.allSatisfy { $0.difference.verdict == .tooFew } }

  package var isEmpty: Bool { !hasPairs && lost.isEmpty && news.isEmpty }

  private let hasPairs: Bool

  /// Compares the series that both have, by the names of contestant and series. What a reader looks at first
  /// (``ResultDocument/isPrimary(_:)``) has a half of the level for itself, so that the many others do not take it away.
  package init(_ before: ResultDocument, _ after: ResultDocument, effect: Double = Difference.effect) {
    let common = Comparison.pairs(before, after)
    hasPairs = !common.isEmpty
    let pairs = common.filter { !before.isShortByNature($0.before) }
    let families = [true, false].map { isPrimary in
      pairs.indices.filter { before.isPrimary(pairs[$0].before) == isPrimary }
    }.filter { !$0.isEmpty }
    let level = Difference.level / Double(max(families.count, 1))
    var differences: [Int: Difference] = [:]
    var needed = 0
    for family in families {
      let found = Difference.all(
        family.map { index in
          let pair = pairs[index]
          return .init(
            Samples(pair.before.values), Samples(pair.after.values),
            middle: pair.before.unit == .perSecond ? \.mean : \.median)
        }, level: level, effect: effect)
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
      return contestant.series.compactMap { series in
        let name = "\(contestant.name), \(series.name)"
        guard let same = counterpart.series(series.name), same.unit == series.unit else {
          if one.share(ofRuns: series, contestant) < 0.5 { return nil }
          let reason = counterpart.notMeasured?[series.name].map { ": \($0)" } ?? ""
          return name + (isNews ? ": new" : ": gone" + reason)
        }
        let (share, left) = (one.share(ofRuns: series, contestant), other.share(ofRuns: same, counterpart))
        guard !isNews, share >= 0.5, left < share / 2 else { return nil }
        return "\(name): in \(fixed(100 * left, 0)) % of runs, where it was in \(fixed(100 * share, 0)) %"
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
    note("Swiftlet", old.swiftlet, new.swiftlet)
    note("state of the caches", old.cache ?? "warm", new.cache ?? "warm")
    for contestant in before.contestants {
      guard let other = after.contestants.first(where: { $0.name == contestant.name }) else { continue }
      note("command of \(contestant.name)", contestant.commandForReaders, other.commandForReaders)
    }
    notes += before.warnings.map { "before: \($0)" } + after.warnings.map { "after: \($0)" }
    return notes
  }
}

extension Contestant {
  fileprivate var isMeasured: Bool { absence == nil && failure == nil && !series.isEmpty }

  /// Without what is another each time: the benchmark's own folder and number.
  fileprivate var commandForReaders: String {
    command.map { $0.replacing(/\S*swiftlet-bench-\w+/, with: "TMP") }.joined(separator: " ")
  }
}

extension ResultDocument {
  /// What its reader looks at first: times as a whole, and rates of starts.
  func isPrimary(_ series: Series) -> Bool {
    kind == .startRate ? series.unit == .perSecond : series.name == Series.wall
  }

  /// Whether its values are of runs, each on its own. Starts one after another are not: they share what the host does
  /// meanwhile, and only some of their times are kept.
  fileprivate func isOfRuns(_ series: Series) -> Bool { kind != .startRate || isPrimary(series) }

  /// In which part of its runs a step was reached. Of what only few boots had, the next ones may have none.
  fileprivate func share(ofRuns series: Series, _ contestant: Contestant) -> Double {
    guard kind == .boot, let runs = contestant.series(Series.wall)?.values.count, runs > 0 else { return 1 }
    return Double(series.values.count) / Double(runs)
  }

  /// Whether it has too few values ever to tell of a difference, however often it is measured: of one machine there is
  /// one value.
  fileprivate func isShortByNature(_ series: Series) -> Bool {
    kind == .density && RankTest.least(series.values.count, series.values.count) > Difference.level
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
