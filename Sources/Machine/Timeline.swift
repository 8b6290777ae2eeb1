import LinuxSystem

/// When things happened on the way of a boot, in nanoseconds of CLOCK_MONOTONIC.
struct Timeline {
  private(set) var steps: [(name: String, time: UInt64)] = []

  mutating func mark(_ name: String, at time: UInt64 = Clock.monotonicNanoseconds()) {
    steps.append((name, time))
  }

  /// One line a step: milliseconds since the first one, since the one before, and what.
  var lines: [String] {
    guard let first = steps.first?.time else { return [] }
    var before = first
    return steps.sorted { $0.time < $1.time }.map { step in
      defer { before = step.time }
      return "  \(milliseconds(step.time &- first)) ms  +\(milliseconds(step.time &- before))  \(step.name)"
    }
  }

  /// Right-aligned to 9 places, with 3 behind the point.
  private func milliseconds(_ nanoseconds: UInt64) -> String {
    let micro = nanoseconds / 1000
    let fraction = String(micro % 1000)
    let text = "\(micro / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    return String(repeating: " ", count: max(0, 9 - text.count)) + text
  }
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
