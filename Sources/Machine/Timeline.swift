import Configuration
import LinuxSystem

/// When things happened on the way of a boot, in nanoseconds of CLOCK_MONOTONIC.
struct Timeline {
  struct Step: Sendable {
    let name: String
    let time: UInt64
    /// Nanoseconds that the process had used of processors until then; nil where another program noted the step.
    let processor: UInt64?
    /// What had been counted until then, by the names of the timeline; empty where nobody counted.
    let counts: [UInt64?]
  }

  /// The names of what is counted, as ``Counters/names``: the guest's instructions first.
  let counted: [String]
  private var steps: [Step] = []

  init(counting counted: [String]) { self.counted = counted }

  /// Notes that this is reached now.
  mutating func mark(_ name: String, counts: [UInt64?] = []) { add(Step(now: name, counts: counts)) }

  /// Notes what another program has reached.
  mutating func mark(_ name: String, at time: UInt64) {
    add(Step(name: name, time: time, processor: nil, counts: []))
  }

  mutating func add(_ step: Step) { steps.append(step) }

  private var ordered: [Step] { steps.sorted { $0.time < $1.time } }

  /// What the columns are, then one line a step: milliseconds since the first one and since the one before, where
  /// KVM counts them the guest instructions it interpreted, and what.
  var lines: [String] {
    guard let first = steps.first?.time else { return [] }
    let counts = steps.contains { $0.instructions != nil }
    var before = first
    let lines = ordered.map { step in
      defer { before = step.time }
      let times = "  \(milliseconds(step.time &- first)) ms  +\(milliseconds(step.time &- before))"
      let count = counts ? "  " + padded(step.instructions.map { String($0) } ?? "", to: 10) : ""
      return "\(times)\(count)  \(step.name)"
    }
    return ["timeline" + (counts ? ", with guest instructions interpreted by KVM" : "")] + lines
  }

  /// One line: {"version": 1, "kernel": path, "steps": [{"name": text, "nanoseconds": of CLOCK_MONOTONIC, "processor":
  /// nanoseconds of processors used, "counters": {name: number, ...}}, ...]}, in the order of time. What nobody counts
  /// is left out. Names are printable ASCII without quotation marks.
  /// - Parameters:
  ///   - kernel: the path of the file that was booted: of a bzImage the one that was unpacked from it, where such are kept.
  ///   - isAlone: whether it is the process that the command was: else what that used is not in what this one has.
  func json(kernel: String, isAlone: Bool) -> String {
    let steps = ordered.map { step in
      let counters = zip(counted, step.counts).compactMap { name, count in count.map { "\"\(name)\": \($0)" }
      }
      let tail = counters.isEmpty ? "" : ", \"counters\": {\(counters.joined(separator: ", "))}"
      let processor = (isAlone ? step.processor : nil).map { ", \"processor\": \($0)" } ?? ""
      return "{\"name\": \"\(step.name)\", \"nanoseconds\": \(step.time)\(processor)\(tail)}"
    }
    return
      "{\"version\": 1, \"kernel\": \(kernel.quotedAsJSON), \"steps\": [\(steps.joined(separator: ", "))]}\n"
  }

  /// What led to each step but the first, in order.
  var spans: [(name: String, begin: UInt64, end: UInt64)] {
    zip(ordered, ordered.dropFirst()).map { ("to: \($1.name)", $0.time, $1.time) }
  }

  private func padded(_ text: String, to width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// Right-aligned to 9 places, with 3 behind the point.
  private func milliseconds(_ nanoseconds: UInt64) -> String {
    let micro = nanoseconds / 1000
    let fraction = String(micro % 1000)
    let text = "\(micro / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    return padded(text, to: 9)
  }
}

extension Timeline.Step {
  init(now name: String, counts: [UInt64?]) {
    self.init(
      name: name, time: Clock.monotonicNanoseconds(), processor: Clock.processorNanoseconds(), counts: counts)
  }

  fileprivate var instructions: UInt64? { counts.first ?? nil }
}

extension Timeline {
  /// What a boot mark's number means to a person.
  static func name(ofMark mark: UInt8) -> String {
    switch mark {
    case 1: "user space reached"
    case 2: "workload starts"
    case 3: "workload ended"
    default: "mark \(mark)"
    }
  }
}
