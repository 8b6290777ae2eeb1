extension ResultDocument {
  /// A row for each contestant, in the order of their times; those that have none at the end, with the reason.
  /// - Parameter base: the contestant that the others' times are told in parts of.
  func comparisonTable(base: String) -> String {
    let ran = contestants.filter { $0.failure == nil && $0.absence == nil }
    let ordered = ran.sorted { ($0.wallMedian ?? .infinity) < ($1.wallMedian ?? .infinity) }
    let reference = contestants.first { $0.name == base }?.samples(Series.wall)
    var table = TextTable([
      "", "ms", "95 %", "times \(base)", "95 %", "CPU ms", "memory MiB", "threads", "disk MiB", "kernel",
      "isolation",
    ])
    for contestant in ordered { table.add(contestant.row(reference)) }
    return table.text + missingLines
  }

  /// What has no numbers, below a table.
  var missingLines: String { missing.map { "\($0)\n" }.joined() }

  /// Who or what has no numbers, and why, a line each.
  var missing: [String] {
    contestants.flatMap { contestant in
      let reason =
        contestant.failure.map { "fails: \($0)" } ?? contestant.absence.map { "absent: \($0)" }
      let parts = (contestant.notMeasured ?? [:]).sorted { $0.key < $1.key }
      return (reason.map { ["\(contestant.name): \($0)"] } ?? [])
        + parts.map { "\(contestant.name), \($0.key): \($0.value)" }
    }
  }
}

extension Contestant {
  fileprivate var wallMedian: Double? { samples(Series.wall)?.median }

  fileprivate func row(_ reference: Samples?) -> [String] {
    let wall = samples(Series.wall) ?? Samples()
    let interval = series.first { $0.name == Series.wall }?.interval
    let ratio = reference.map { wall.median / $0.median }
    // Of a ratio to itself there is nothing to doubt.
    let ratioInterval = reference.flatMap { wall == $0 ? nil : Bootstrap().ratio(of: wall, to: $0) }
    return [
      name, fixed(wall.median / 1e6, 2),
      interval.map { "\(fixed($0.low / 1e6, 2)) to \(fixed($0.high / 1e6, 2))" } ?? "-",
      ratio.map { fixed($0, 2) } ?? "-",
      ratioInterval.map { "\(fixed($0.low, 2)) to \(fixed($0.high, 2))" } ?? "-",
      samples(Series.processor).map { fixed($0.median / 1e6, 2) } ?? "-", Contestant.mebibytes(peakMemory),
      threads.map { "\($0)" } ?? "-", Contestant.mebibytes(diskBytes),
      hasOwnKernel.map { $0 ? "own" : "host's" } ?? "-", isolation ?? "-",
    ]
  }

  static func mebibytes(_ bytes: UInt64?) -> String {
    bytes.map { fixed(Double($0) / 1_048_576, $0 < 1 << 20 ? 2 : 1) } ?? "-"
  }
}
