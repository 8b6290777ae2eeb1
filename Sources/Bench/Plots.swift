import Glibc

/// Where values lie on a plot, in percent of its width: a plot keeps its height and its letters on every window.
enum Scale {
  case linear(Double, Double)
  /// Between powers of ten; for values above 0.
  case logarithmic(Double, Double)

  private var bounds: (low: Double, high: Double) {
    switch self {
    case .linear(let low, let high): (low, max(high, low + 1))
    case .logarithmic(let low, let high):
      // A little beyond both ends, so that no dot is cut.
      (log10(max(low, 1)) - 0.05, log10(max(high, max(low, 1) * 1.1)) + 0.05)
    }
  }

  func percent(_ value: Double) -> Double {
    let (low, high) = bounds
    let place: Double
    switch self {
    case .linear: place = value
    case .logarithmic: place = log10(max(value, 1))
    }
    return 100 * min(max((place - low) / (high - low), 0), 1)
  }

  /// The values that have a line: powers of ten.
  private var ticks: [Double] {
    guard case .logarithmic = self else { return [] }
    let (low, high) = bounds
    return stride(from: low.rounded(.up), through: high, by: 1).map { pow(10, $0) }
  }

  var grid: String {
    ticks.map { tick in
      let x = fixed(percent(tick), 2)
      return "<line class=\"grid\" x1=\"\(x)%\" x2=\"\(x)%\" y1=\"0\" y2=\"100%\"/>"
    }.joined()
  }

  /// The scale itself, below its plots: of powers of ten in time, or of both ends in any unit.
  func axis(in unit: Series.Unit = .nanoseconds) -> String {
    if case .linear(let low, let high) = self {
      return "<svg height=\"18\" role=\"presentation\"><text x=\"0\" y=\"14\">\(unit.text(low))</text>"
        + "<text x=\"100%\" y=\"14\" text-anchor=\"end\">\(unit.text(high))</text></svg>"
    }
    let labels = ticks.map { tick in
      let place = percent(tick)
      let anchor = place < 5 ? "start" : place > 95 ? "end" : "middle"
      let text =
        tick >= 1e9
        ? "\(fixed(tick / 1e9, 0)) s"
        : tick >= 1e6
          ? "\(fixed(tick / 1e6, 0)) ms"
          : tick >= 1e3 ? "\(fixed(tick / 1e3, 0)) µs" : "\(fixed(tick, 0)) ns"
      return "<text x=\"\(fixed(place, 2))%\" y=\"14\" text-anchor=\"\(anchor)\">\(text)</text>"
    }
    return "<svg height=\"18\" role=\"presentation\">\(labels.joined())</svg>"
  }
}

/// Every value of a series on one line, with a box where it is wanted.
struct Strip {
  private let series: Series
  private let scale: Scale
  private let hasBox: Bool
  private let name: String

  init(_ series: Series, scale: Scale, hasBox: Bool = false, name: String? = nil) {
    (self.series, self.scale, self.hasBox, self.name) = (series, scale, hasBox, name ?? series.name)
  }

  var svg: String {
    let samples = Samples(series.values)
    let height = hasBox ? 26 : 14
    let middle = height / 2
    func x(_ value: Double) -> String { fixed(scale.percent(value), 2) }
    var body = scale.grid
    if hasBox {
      let (low, high) = (samples.quantile(0.25), samples.quantile(0.75))
      let width = fixed(scale.percent(high) - scale.percent(low), 2)
      body +=
        "<line class=\"whisker\" x1=\"\(x(samples.minimum))%\" x2=\"\(x(samples.maximum))%\" y1=\"\(middle)\" y2=\"\(middle)\"/>"
        + "<rect class=\"box\" x=\"\(x(low))%\" width=\"\(width)%\" y=\"4\" height=\"\(height - 8)\"/>"
    }
    for (run, value) in series.values.enumerated() {
      // A little up and down, so that equal values are seen to be several.
      let y = middle + (hasBox ? run % 3 * 3 - 3 : 0)
      body +=
        "<circle class=\"dot\" data-value=\"\(fixed(value, 0))\" cx=\"\(x(value))%\" cy=\"\(y)\" r=\"3\"/>"
    }
    body +=
      "<line class=\"median\" x1=\"\(x(samples.median))%\" x2=\"\(x(samples.median))%\" y1=\"2\" y2=\"\(height - 2)\"/>"
    let title = "\(Page.escaped(name)): \(samples.count) values, median \(series.unit.text(samples.median))"
    return
      "<svg class=\"values\" height=\"\(height)\" role=\"img\" data-name=\"\(Page.escaped(name))\"><title>\(title)</title>\(body)</svg>"
  }
}

/// Parts of a whole, beside one another.
struct StackedBar {
  static let colors = 10

  let parts: [(name: String, value: Double)]
  let unit: Series.Unit

  var svg: String {
    let all = parts.map(\.value).reduce(0, +)
    var (left, body) = (0.0, "")
    for (index, part) in parts.enumerated() {
      let width = all > 0 ? 100 * part.value / all : 0
      body +=
        "<rect class=\"c\(index % Self.colors)\" data-phase=\"\(Page.escaped(part.name))\" data-value=\"\(fixed(part.value, 0))\" x=\"\(fixed(left, 3))%\" width=\"\(fixed(width, 3))%\" y=\"0\" height=\"40\">"
        + "<title>\(Page.escaped(part.name)): \(unit.text(part.value)), \(fixed(width, 1)) %</title></rect>"
      left += width
    }
    return "<svg class=\"phases\" height=\"40\" role=\"img\">\(body)</svg>"
  }

  /// Neighbours differ in lightness as well as in hue, so that they are told apart without colours too.
  static let style: String = {
    let fills = [
      "#24589b", "#8fbf5f", "#a03d7c", "#f0b34a", "#1f7a6d", "#c9a0dc", "#8a4b14", "#7fc4e8", "#5b3fa0",
      "#e58b7b",
    ]
    return fills.enumerated().map { index, fill in ".c\(index) { fill: \(fill); background: \(fill); }" }
      .joined(
        separator: " ")
  }()
}

/// How many values lie where.
struct Histogram {
  private let samples: Samples
  private let name: String

  init(_ samples: Samples, name: String) { (self.samples, self.name) = (samples, name) }

  var svg: String {
    let bins = min(max(samples.count / 2, 5), 40)
    let (low, width) = (samples.minimum, max(samples.maximum - samples.minimum, 1) / Double(bins))
    var counts = [Int](repeating: 0, count: bins)
    for value in samples.values { counts[min(Int((value - low) / width), bins - 1)] += 1 }
    let most = Double(counts.max() ?? 1)
    var body = ""
    for (index, count) in counts.enumerated() where count > 0 {
      let height = 100 * Double(count) / most
      body +=
        "<rect class=\"bin\" data-count=\"\(count)\" x=\"\(fixed(100 * Double(index) / Double(bins), 2))%\" width=\"\(fixed(96 / Double(bins), 2))%\" y=\"\(fixed(110 - height, 1))\" height=\"\(fixed(height, 1))\">"
        + "<title>\(count) of \(samples.count)</title></rect>"
    }
    let labels =
      "<text x=\"0\" y=\"126\">\(Page.milliseconds(low))</text>"
      + "<text x=\"100%\" y=\"126\" text-anchor=\"end\">\(Page.milliseconds(samples.maximum))</text>"
    return
      "<svg class=\"histogram\" height=\"130\" role=\"img\" data-name=\"\(Page.escaped(name))\"><line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"110\" y2=\"110\"/>\(body)\(labels)</svg>"
  }
}
