/// What `bench density` measures of machines of which so many idle at a time, a value each machine.
package enum DensitySeries {
  package static let resident = "resident"
  package static let residentBeyond = "resident beyond guest RAM"
  package static let proportional = "proportional"
  package static let proportionalBeyond = "proportional beyond guest RAM"
  package static let threads = "threads"
  package static let descriptors = "descriptors"
  /// A single value: by how much less memory the host has available, for each machine.
  package static let taken = "gone from the host"

  static let all = [
    resident, residentBeyond, proportional, proportionalBeyond, taken, threads, descriptors,
  ]
}

/// What `bench start-rate` measures.
package enum RateSeries {
  /// How many starts ended, for each second.
  package static let rate = "starts"
  /// - Parameter name: of what is started.
  package static func contestant(_ name: String, together: Int) -> String { "\(name), \(together) at once" }
}

extension ResultDocument {
  /// A row for each number of machines, of medians.
  var densityTable: String {
    let spreadOf = DensitySeries.resident
    var table = TextTable(["MiB for each machine, medians"] + DensitySeries.all + ["spread of \(spreadOf)"])
    for contestant in contestants {
      table.add(
        [contestant.name]
          + DensitySeries.all.map { name in
            guard let series = contestant.series(name) else { return "-" }
            let median = Samples(series.values).median
            return series.unit == .bytes ? fixed(median / 1_048_576, 2) : fixed(median, 0)
          } + [contestant.samples(spreadOf)?.spreadText ?? "-"])
    }
    return table.text + missingLines
  }

  /// A row for each contestant, with the parts of its base's rate where as many start at once.
  func rateTable(base: String) -> String {
    var table = TextTable([
      "", "starts/s", "least", "most", "spread", "of \(base)'s rate", "ms min", "median", "p90", "p99", "max",
    ])
    for contestant in contestants {
      guard let rate = contestant.samples(RateSeries.rate),
        let times = contestant.series(Series.wall)?.summary
      else { continue }
      let suffix = contestant.name[(contestant.name.lastIndex(of: ",") ?? contestant.name.endIndex)...]
      let reference = contestants.first { $0.name == base + suffix }?.samples(RateSeries.rate)
      table.add(
        [
          contestant.name, fixed(rate.mean, 1), fixed(rate.minimum, 0), fixed(rate.maximum, 0),
          rate.spreadText,
          reference.map { fixed(rate.mean / $0.mean, 3) } ?? "-",
        ]
          + [times.minimum, times.median, times.p90, times.p99, times.maximum].map { fixed($0 / 1e6, 2) })
    }
    return table.text + missingLines
  }
}
