extension ResultDocument {
  /// For people.
  /// - Parameter base: the contestant that the others are told beside.
  package func text(base: String = "") -> String {
    let body =
      switch kind {
      case .boot: contestants.first.map(\.phaseTable) ?? ""
      case .compare: comparisonTable(base: base)
      case .exits, .io: pairTables(base: base)
      case .density: densityTable
      case .startRate: rateTable(base: base)
      }
    return conditions.text + "\n" + body + warnings.map { "warning: \($0)\n" }.joined()
  }
}

extension Conditions {
  package var text: String {
    var text = "\(swiftlet), Linux \(hostKernel), \(processors) x \(processor)\n"
    for name in ["hardware virtualization", "guest kernel mode"] {
      if let value = kvm[name] { text += "\(name): \(value)\n" }
    }
    if let kernel, let kernelSHA256 { text += "kernel: \(kernel), SHA-256 \(kernelSHA256.prefix(12))\n" }
    if let cache { text += "caches: \(cache)\n" }
    if runs > 0 { text += "\(runs) runs after \(warmUps) to warm up, " }
    text += "load average \(loadText)"
    if let otherWorkText { text += ", other work \(otherWorkText)" }
    return text + "\n"
  }
}

extension Contestant {
  /// A row a phase, in milliseconds; the last ones of the whole.
  fileprivate var phaseTable: String {
    let phases = series.filter { $0.unit == .nanoseconds && $0.name != Series.wall }
    let whole = samples(Series.wall)
    let counted = ["insn_emulation": "instructions", "exits": "exits"].filter { name, _ in
      phases.contains { $0.counters?[name] != nil }
    }.sorted { $0.value > $1.value }
    var table = TextTable(
      ["milliseconds", "min", "median", "p90", "p99", "max", "spread", "share", "processor"]
        + counted.map(\.value))
    for phase in phases {
      guard let row = Contestant.row(phase) else { continue }
      let share = Samples(phase.values).median / (whole?.median ?? .nan)
      let counts = counted.map { name, _ in
        phase.counters?[name].map { fixed(Samples($0).median, 0) } ?? ""
      }
      table.add(row + ["\(fixed(100 * share, 1)) %", Contestant.processor(phase)] + counts)
    }
    if let wall = series.first(where: { $0.name == Series.wall }), let row = Contestant.row(wall) {
      let totals = counted.map { _, title in
        series.first { $0.unit == .count && $0.name.hasSuffix(title == "exits" ? "exits" : "interpreted") }
          .map { fixed(Samples($0.values).median, 0) } ?? ""
      }
      table.add(["from exec until gone"] + row.dropFirst() + ["100 %", ""] + totals)
    }
    var text = table.text
    if let interval = series.first(where: { $0.name == Series.wall })?.interval {
      text +=
        "the median lies between \(fixed(interval.low / 1e6, 3)) and \(fixed(interval.high / 1e6, 3)) ms "
        + "(\(fixed(100 * Samples.confidence, 0)) %)\n"
    }
    if let memoryBeyondGuest {
      text += "memory beyond guest RAM: \(fixed(Double(memoryBeyondGuest) / 1_048_576, 2)) MiB\n"
    }
    return text + Contestant.exitKinds(phases)
  }

  /// The median of what the process used of processors in a phase, in milliseconds: what a phase takes and does not
  /// use, it waits.
  private static func processor(_ phase: Series) -> String {
    phase.counters?[BootPhases.processor].map { fixed(Samples($0).median / 1e6, 3) } ?? ""
  }

  private static func row(_ series: Series) -> [String]? {
    guard let summary = series.summary else { return nil }
    let times = [summary.minimum, summary.median, summary.p90, summary.p99, summary.maximum]
    return [series.name] + times.map { fixed($0 / 1e6, 3) }
      + [summary.spread.map { "\(fixed(100 * $0, 0)) %" } ?? "-"]
  }

  /// The medians of what KVM counted, a row a phase that has any.
  private static func exitKinds(_ phases: [Series]) -> String {
    let counters = phases.flatMap { $0.counters ?? [:] }.filter { $0.value.contains { $0 > 0 } }
    let names = Set(counters.map(\.key)).subtracting([
      "insn_emulation", "exits", BootPhases.processor,
    ]).sorted()
    guard !names.isEmpty else { return "" }
    var table = TextTable(["exits by kind, medians"] + names)
    for phase in phases {
      let medians = names.map { phase.counters?[$0].map { Samples($0).median } ?? 0 }
      if medians.contains(where: { $0 > 0 }) { table.add([phase.name] + medians.map { fixed($0, 0) }) }
    }
    return "\n" + table.text
  }
}
