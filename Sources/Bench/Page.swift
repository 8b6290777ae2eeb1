/// A result as one page that needs nothing else: text, tables, and plots as SVG. In light and dark, on wide and narrow
/// windows: plots are as wide as the page, their letters are not.
package struct Page {
  let document: ResultDocument
  let base: String

  /// - Parameter base: the contestant that the others' times are told in parts of.
  package init(_ document: ResultDocument, base: String = "") {
    (self.document, self.base) = (document, base)
  }

  package var html: String {
    let (title, body) =
      switch document.kind {
      case .boot: ("Where the time of a boot goes", bootBody)
      case .compare: ("How long until it has run", compareBody)
      case .exits: ("What it costs to leave the guest", pairsBody)
      case .io: ("What devices cost", pairsBody)
      case .density: ("How many idle machines fit", densityBody)
      case .startRate: ("How many starts a second", rateBody)
      }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(title)</title>
      <style>\(Page.style)</style>
      <main>
      <h1>\(title)</h1>
      <p>Linux \(Page.escaped(document.conditions.hostKernel)), \(document.conditions.processors) × \
      \(Page.escaped(document.conditions.processor)); \(Page.runs(document.conditions.runs))\
      \(Page.escaped(document.conditions.date))</p>
      \(document.warnings.map { "<p class=\"warning\">\(Page.escaped($0))</p>" }.joined(separator: "\n"))
      \(body)
      \(conditionsBody)
      </main>
      </html>

      """
  }

  // MARK: One boot

  private var bootBody: String {
    guard let boot = document.contestants.first, let wall = boot.samples(Series.wall) else { return "" }
    let phases = boot.series.filter { $0.unit == .nanoseconds && $0.name != Series.wall }
    let medians = phases.map { Samples($0.values).median }
    let bar = StackedBar(
      parts: zip(phases, medians).map { (name: $0.name, value: $1) }, unit: .nanoseconds)
    let rows = zip(phases, medians).enumerated().map { index, phase in
      let (series, median) = phase
      return
        "<tr><td><span class=\"key c\(index % StackedBar.colors)\"></span>\(Page.escaped(series.name))</td>"
        + Page.cells(series).map { "<td>\($0)</td>" }.joined()
        + "<td>\(fixed(100 * median / wall.median, 1)) %</td>"
        + "<td class=\"strip\">\(Strip(series, scale: .linear(0, Samples(series.values).maximum)).svg)</td></tr>"
    }
    return """
      <h2>Phases, by their medians</h2>
      \(bar.svg)
      <table class="phases"><tr><th>phase<th>median<th>p90<th>p99<th>processor<th>share\
      <th class="strip">every run, from 0 to its longest</tr>
      \(rows.joined(separator: "\n"))
      </table>
      <p>Processor: what swiftlet used of processors, by the median. The rest of a phase it waited, for the host's \
      kernel or for whoever used them.</p>
      <h2>From exec until all is gone</h2>
      <p>Median \(Page.milliseconds(wall.median)), from \(Page.milliseconds(wall.minimum)) to \
      \(Page.milliseconds(wall.maximum)).</p>
      \(Histogram(wall, name: boot.name).svg)
      """
  }

  /// Median, tails, and how much of its median a phase uses of processors: the rest it waits.
  private static func cells(_ phase: Series) -> [String] {
    let samples = Samples(phase.values)
    let processor = phase.counters?[BootPhases.processor].map { milliseconds(Samples($0).median) } ?? ""
    return [0.5, 0.9, 0.99].map { milliseconds(samples.quantile($0)) } + [processor]
  }

  // MARK: Conditions

  private var conditionsBody: String {
    var facts = document.conditions.facts
    for contestant in document.contestants where !contestant.command.isEmpty {
      let version = contestant.version.map { " (\($0))" } ?? ""
      facts.append((contestant.name + version, contestant.command.joined(separator: " ")))
    }
    let rows = facts.map { "<dt>\(Page.escaped($0.name))</dt><dd>\(Page.escaped($0.text))</dd>" }
    return "<h2>Conditions</h2><dl>\n\(rows.joined(separator: "\n"))\n</dl>"
  }

  private static func runs(_ count: Int) -> String { count > 0 ? "\(count) runs, " : "" }

  static func milliseconds(_ nanoseconds: Double) -> String {
    let value = nanoseconds / 1e6
    if value >= 10_000 { return "\(fixed(value / 1000, 1)) s" }
    return "\(fixed(value, value < 10 ? 2 : value < 1000 ? 1 : 0)) ms"
  }

  /// Text that is safe in elements and in attributes.
  static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
    return result
  }

  private static let style = """
    :root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --soft: #5b6570; --line: #d5dae0; --box: #9db8d8;
      --dot: #24589b; --ours: #b5460f; }
    @media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e6e9ed; --soft: #9aa4af; --line: #39414a;
      --box: #3c5a80; --dot: #9cc3f5; --ours: #ff9b63; } }
    body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.45 system-ui, sans-serif; }
    main { max-width: 64rem; margin: 0 auto; padding: 1rem; }
    h1 { font-size: 1.6rem; margin: .2em 0; } h2 { font-size: 1.15rem; margin: 1.6em 0 .4em; }
    p, small, dd { color: var(--soft); } .warning { color: var(--ours); font-weight: 600; }
    .row { margin: .45rem 0; } .ours { color: var(--ours); font-weight: 600; }
    .scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .92rem; }
    th, td { text-align: right; padding: .2em .5em; border-bottom: 1px solid var(--line); white-space: nowrap; }
    th:first-child, td:first-child { text-align: left; } .strip { width: 35%; min-width: 7rem; }
    @media (max-width: 40rem) { .phases tr { display: grid; grid-template-columns: repeat(5, 1fr); }
      .phases th, .phases td { border: 0; padding: .1em; font-size: .8rem; }
      .phases :first-child, .phases .strip { grid-column: 1 / -1; text-align: left; } .phases .strip { width: auto; } }
    .key { display: inline-block; width: .8em; height: .8em; margin-right: .5em; border-radius: 2px; }
    svg { display: block; width: 100%; overflow: visible; } svg text { font-size: 12px; fill: var(--soft); }
    .grid { stroke: var(--line); } .box { fill: var(--box); } .median { stroke: var(--ink); stroke-width: 2; }
    .whisker { stroke: var(--soft); } .dot, .bin { fill: var(--dot); } .dot { fill-opacity: .55; }
    dl { font-size: .85rem; } dt { font-weight: 600; } dd { margin: 0 0 .4em; overflow-wrap: anywhere; }
    \(StackedBar.style)
    """
}
