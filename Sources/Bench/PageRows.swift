/// The bodies of pages that show series beside one another: a row each, on one scale.
extension Page {
  /// One row: what it is, what is said of it, and its values.
  private struct Row {
    let name: String
    let detail: String
    let series: Series
    var isOurs = false
  }

  /// Each dot is a value of these.
  private static let legend = "Each dot is a run, the box holds the middle half, its line is the median."
  private static let tenfold = "Every line of the scale is ten times the one to its left."

  private static func rows(_ rows: [Row], _ scale: Scale) -> String {
    let body = rows.map { row in
      """
      <div class="row"><div\(row.isOurs ? " class=\"ours\"" : "")>\(escaped(row.name)) \
      <small>\(escaped(row.detail))</small></div>
      \(Strip(row.series, scale: scale, hasBox: true, name: row.name).svg)</div>
      """
    }
    return body.joined(separator: "\n") + "\n" + scale.axis(in: rows.first?.series.unit ?? .count)
  }

  private static func logarithmic(_ rows: [Row]) -> Scale {
    let all = Samples(rows.flatMap(\.series.values))
    return .logarithmic(all.minimum, all.maximum)
  }

  private static func section(_ heading: String, _ words: String, _ rows: [Row]) -> String {
    guard !rows.isEmpty else { return "" }
    return "<h2>\(escaped(heading))</h2>\n<p>\(legend) \(words)</p>\n\(Self.rows(rows, logarithmic(rows)))"
  }

  private var missingBody: String {
    let lines = document.missing.map { "<li>\(Page.escaped($0))</li>" }
    return lines.isEmpty ? "" : "<h2>Not measured</h2><ul>\(lines.joined())</ul>"
  }

  /// What nine of ten values do not exceed, and 99 of 100.
  private static func tails(_ series: Series) -> String {
    guard let summary = series.summary else { return "" }
    return "; p90 \(series.unit.text(summary.p90)), p99 \(series.unit.text(summary.p99))"
  }

  // MARK: A comparison

  var compareBody: String {
    let ran = document.contestants.filter { !($0.samples(Series.wall)?.values.isEmpty ?? true) }
    let ordered = ran.sorted { Page.median($0) < Page.median($1) }
    let reference = document.contestants.first { $0.name == base }?.samples(Series.wall)
    let rows = ordered.compactMap { contestant -> Row? in
      guard let series = contestant.series(Series.wall) else { return nil }
      let median = Page.median(contestant)
      let ratio = reference.map { ", \(ratioText(median / $0.median)) × \(base)" } ?? ""
      return Row(
        name: contestant.name, detail: Page.milliseconds(median) + ratio + Page.tails(series), series: series,
        isOurs: contestant.name.hasPrefix("swiftlet"))
    }
    return """
      \(Page.section("Wall time of every run", Page.tenfold, rows))
      \(missingBody)
      <h2>Costs</h2>
      <div class="scroll"><table><tr><th>contestant<th>CPU<th>memory<th>threads<th>disk<th>isolation<th>kernel</tr>
      \(ordered.map(Page.costs).joined(separator: "\n"))
      </table></div>
      """
  }

  private static func median(_ contestant: Contestant) -> Double {
    contestant.samples(Series.wall)?.median ?? .infinity
  }

  private static func costs(_ contestant: Contestant) -> String {
    let cells = [
      escaped(contestant.name),
      contestant.samples(Series.processor).map { milliseconds($0.median) } ?? "-",
      Contestant.mebibytes(contestant.peakMemory) + (contestant.peakMemory == nil ? "" : " MiB"),
      contestant.threads.map { "\($0)" } ?? "-",
      Contestant.mebibytes(contestant.diskBytes) + (contestant.diskBytes == nil ? "" : " MiB"),
      escaped(contestant.isolation ?? "-"),
      contestant.hasOwnKernel.map { $0 ? "own" : "host's" } ?? "?",
    ]
    return "<tr><td>" + cells.joined(separator: "</td><td>") + "</td></tr>"
  }

  // MARK: The same by two

  /// For each contestant a section, its rows each followed by that of the base.
  var pairsBody: String {
    let reference = document.contestants.first { $0.name == base }
    let sections = document.contestants.filter { $0.name != base }.map { contestant in
      let rows = contestant.series.flatMap { series -> [Row] in
        let median = Samples(series.values).median
        let other = reference?.series(series.name)
        let ratio = other.map { ", \(ratioText(median / Samples($0.values).median)) × \(base)" } ?? ""
        let own = Row(
          name: series.name, detail: series.unit.text(median) + ratio + Page.tails(series), series: series,
          isOurs: true)
        return [own] + (other.map { [Page.row($0, of: base)] } ?? [])
      }
      return Page.section("\(contestant.name) beside \(base)", Page.tenfold, rows)
    }
    let alone = (reference?.series ?? []).filter { series in
      !document.contestants.contains { $0.name != base && $0.series(series.name) != nil }
    }
    let rest = Page.section("\(base) alone", Page.tenfold, alone.map { Page.row($0, of: base) })
    return (sections + [rest, missingBody]).joined(separator: "\n")
  }

  private static func row(_ series: Series, of name: String) -> Row {
    Row(
      name: "\(name): \(series.name)",
      detail: series.unit.text(Samples(series.values).median) + Page.tails(series), series: series)
  }

  // MARK: Machines

  var densityBody: String {
    let sections = DensitySeries.all.map { name in
      let rows = document.contestants.compactMap { contestant in
        contestant.series(name).map {
          Row(
            name: contestant.name, detail: $0.unit.text(Samples($0.values).median), series: $0, isOurs: true)
        }
      }
      let most = Samples(rows.flatMap(\.series.values)).maximum
      return rows.isEmpty
        ? ""
        : """
        <h2>For each machine: \(name)</h2>
        <p>Each dot is a machine, on a scale from 0 to the most.</p>
        \(Page.rows(rows, .linear(0, most)))
        """
    }
    return (sections + [missingBody]).joined(separator: "\n")
  }

  var rateBody: String {
    func rows(_ name: String, _ detail: (Series) -> String) -> [Row] {
      document.contestants.compactMap { contestant in
        contestant.series(name).map {
          Row(
            name: contestant.name, detail: detail($0) + Page.tails($0), series: $0,
            isOurs: contestant.name.hasPrefix("swiftlet"))
        }
      }
    }
    let starts = rows(Series.wall) { Page.milliseconds($0.summary?.median ?? .nan) }
    let seconds = rows(RateSeries.rate) { "\(fixed(Samples($0.values).mean, 1)) a second" }
    let most = max(1, Samples(seconds.flatMap(\.series.values)).maximum)
    return """
      \(Page.section("Time of each start", Page.tenfold, starts))
      <h2>Starts that ended, by the second</h2>
      <p>Each dot is a second, the box holds the middle half, its line is the median.</p>
      \(Page.rows(seconds, .linear(0, most)))
      \(missingBody)
      """
  }
}
