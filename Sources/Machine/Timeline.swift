import LinuxSystem

/// When things happened on the way of a boot, in nanoseconds of CLOCK_MONOTONIC.
struct Timeline {
  private struct Step {
    let name: String
    let time: UInt64
    /// Guest instructions interpreted until then.
    let instructions: UInt64?
  }

  private var steps: [Step] = []

  mutating func mark(
    _ name: String, at time: UInt64 = Clock.monotonicNanoseconds(), instructions: UInt64? = nil
  ) {
    steps.append(Step(name: name, time: time, instructions: instructions))
  }

  mutating func mark(_ mark: BootMark) {
    self.mark(Timeline.name(ofMark: mark.mark), at: mark.time, instructions: mark.instructions)
  }

  /// What the columns are, then one line a step: milliseconds since the first one and since the one before, where
  /// KVM counts them the guest instructions it interpreted, and what.
  var lines: [String] {
    guard let first = steps.first?.time else { return [] }
    let counts = steps.contains { $0.instructions != nil }
    var before = first
    let lines = steps.sorted { $0.time < $1.time }.map { step in
      defer { before = step.time }
      let times = "  \(milliseconds(step.time &- first)) ms  +\(milliseconds(step.time &- before))"
      let count = counts ? "  " + padded(step.instructions.map { String($0) } ?? "", to: 10) : ""
      return "\(times)\(count)  \(step.name)"
    }
    return ["timeline" + (counts ? ", with guest instructions interpreted by KVM" : "")] + lines
  }

  /// What led to each step but the first, in order.
  var spans: [(name: String, begin: UInt64, end: UInt64)] {
    let steps = steps.sorted { $0.time < $1.time }
    return zip(steps, steps.dropFirst()).map { ("to: \($1.name)", $0.time, $1.time) }
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

/// A number the guest wrote to the boot timer.
struct BootMark: Sendable {
  let mark: UInt8
  /// Nanoseconds of CLOCK_MONOTONIC.
  let time: UInt64
  /// Guest instructions interpreted until then; nil where nobody counts.
  let instructions: UInt64?
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
