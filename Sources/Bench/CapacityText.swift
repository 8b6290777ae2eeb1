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

/// What `bench start-rate` measures beside the time of each start.
package enum RateSeries {
  /// Of each second, the time for one start: the second by the number of starts that ended in it.
  package static let pace = "time for each"
  /// - Parameter name: of what is started.
  package static func contestant(_ name: String, together: Int) -> String { "\(name), \(together) at once" }
}

extension ResultDocument {
  /// A row for each number of machines, of medians.
  var densityTable: String {
    var table = TextTable(["MiB for each machine, medians"] + DensitySeries.all)
    for contestant in contestants {
      table.add(
        [contestant.name]
          + DensitySeries.all.map { name in
            guard let series = contestant.series(name) else { return "-" }
            let median = Samples(series.values).median
            return series.unit == .bytes ? fixed(median / 1_048_576, 2) : fixed(median, 0)
          })
    }
    return table.text + missingLines
  }

  /// A row for each contestant, with the parts of its base's rate where as many start at once.
  func rateTable(base: String) -> String {
    var table = TextTable([
      "", "starts/s", "95 %", "of \(base)'s rate", "ms min", "median", "p90", "p99", "max",
    ])
    for contestant in contestants {
      guard let pace = contestant.series(RateSeries.pace), let times = contestant.samples(Series.wall)
      else { continue }
      let suffix = contestant.name[(contestant.name.lastIndex(of: ",") ?? contestant.name.endIndex)...]
      let reference = contestants.first { $0.name == base + suffix }?.samples(RateSeries.pace)
      func rate(_ nanoseconds: Double) -> String { fixed(1e9 / nanoseconds, 1) }
      table.add(
        [
          contestant.name, rate(Samples(pace.values).median),
          pace.interval.map { "\(rate($0.high)) to \(rate($0.low))" } ?? "-",
          reference.map { fixed($0.median / Samples(pace.values).median, 3) } ?? "-",
        ]
          + [times.minimum, times.median, times.quantile(0.9), times.quantile(0.99), times.maximum].map {
            fixed($0 / 1e6, 2)
          })
    }
    return table.text + missingLines
  }
}
