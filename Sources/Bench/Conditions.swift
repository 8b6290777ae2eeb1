import FoundationEssentials
import Glibc
import LinuxSystem

/// What a result was measured on and with.
package struct Conditions: Codable, Sendable, Equatable {
  /// When it began, as ISO 8601 has it, in UTC.
  package var date = ""
  package var hostKernel = ""
  package var processor = ""
  package var processors = 0
  /// What `swiftlet doctor` finds, by its names.
  package var kvm: [String: String] = [:]
  /// The load average over a minute.
  package var loadAtStart = 0.0
  package var loadAtEnd = 0.0
  /// Which part of the processors' time went to other work than what was measured, or was taken away by a hypervisor
  /// beneath this host; nil where it was too short to tell.
  package var otherWork: Double?
  package var swiftlet = ""
  /// The command that measured.
  package var command: [String] = []
  /// 0 where a benchmark has none: what it measures it measures in a time.
  package var runs = 0
  package var warmUps = 0
  /// The guest's kernel, where there is one for all.
  package var kernel: String?
  package var kernelSHA256: String?
  /// What was dropped of the host's caches before each run; nil where nothing was.
  package var cache: String?
  /// Of the order in which contestants were started.
  package var seed: UInt64?

  package init() {}
}

/// Watches what else the host does while something is measured.
package struct HostWatch {
  private let before = ProcessorTimes.now()
  private let ownBefore = ProcessorTimes.ownTicks()

  /// Fills in what is known at the start.
  package init(_ conditions: inout Conditions) {
    conditions.date = Date().formatted(.iso8601)
    conditions.hostKernel = HostWatch.line("/proc/sys/kernel/osrelease")
    let models = Program.file("/proc/cpuinfo").split(separator: "\n").filter { $0.hasPrefix("model name") }
    let model = models.first?.split(separator: ":").last.map { String($0.drop { $0 == " " }) }
    conditions.processor = model ?? "unknown"
    conditions.processors = models.count
    conditions.loadAtStart = HostWatch.load
  }

  /// Fills in what is known at the end.
  package func end(_ conditions: inout Conditions) {
    conditions.loadAtEnd = HostWatch.load
    guard let before, let after = ProcessorTimes.now() else { return }
    let all = Double(after.all &- before.all)
    // Where a tick is too coarse for what was measured, there is nothing to tell.
    guard all >= 50 else { return }
    let busy = Double(after.busy &- before.busy) - (ProcessorTimes.ownTicks() - ownBefore)
    conditions.otherWork = min(max(busy / all, 0), 1)
  }

  private static var load: Double {
    line("/proc/loadavg").split(separator: " ").first.flatMap { Double($0) } ?? 0
  }

  private static func line(_ path: String) -> String {
    Program.file(path).split(separator: "\n").first.map(String.init) ?? ""
  }
}

/// What /proc/stat tells of all processors, in ticks.
private struct ProcessorTimes {
  let all, busy: UInt64

  static func now() -> ProcessorTimes? {
    let words = Program.file("/proc/stat").split(separator: "\n").first?.split(separator: " ") ?? []
    // user nice system idle iowait irq softirq steal; what follows is part of user.
    let numbers = words.dropFirst().prefix(8).compactMap { UInt64($0) }
    guard numbers.count == 8 else { return nil }
    let all = numbers.reduce(0, &+)
    return ProcessorTimes(all: all, busy: all &- numbers[3] &- numbers[4])
  }

  /// Of this process and all that it waited for.
  static func ownTicks() -> Double {
    var times = tms()
    _ = Glibc.times(&times)
    return Double(times.tms_utime + times.tms_stime + times.tms_cutime + times.tms_cstime)
  }
}

extension ResultDocument {
  /// Above this part of the processors' time for other work, a result is doubtful.
  private static let busy = 0.05
  /// Above this spread too.
  private static let wide = 0.1

  /// Says what is doubtful.
  package mutating func warn() {
    warnings = []
    if let other = conditions.otherWork, other > Self.busy, let text = conditions.otherWorkText {
      warnings.append("the machine was busy: other work took \(text)")
    } else if conditions.otherWork == nil,
      conditions.loadAtStart > 0.5 * Double(max(conditions.processors, 1))
    {
      warnings.append("the machine was busy: its load average was \(fixed(conditions.loadAtStart, 2))")
    }
    warnings += contestants.compactMap(spreadWarning)
  }

  /// A line for a contestant, of its widest series where it has many.
  private func spreadWarning(_ contestant: Contestant) -> String? {
    let series = contestant.series.filter(isSpreadTold)
    let wide = series.filter { Samples($0.values).spread > Self.wide }
    let spread = { (series: Series) in Samples(series.values).spread }
    guard let widest = wide.max(by: { spread($0) < spread($1) }) else { return nil }
    let part = "half of them over \(Samples(widest.values).spreadText) of the median"
    switch kind {
    case .boot, .compare: return "the times of \(contestant.name) are spread wide: \(part)"
    case .startRate: return "the seconds of \(contestant.name) are spread wide: \(part)"
    case .exits, .io, .density:
      return
        "the values of \(contestant.name) are spread wide in \(wide.count) of \(series.count) rows, "
        + "most those of \(widest.name): \(part)"
    }
  }

  /// Whether the reader of a table looks at it: a boot's phases are parts of the whole.
  private func isSpreadTold(_ series: Series) -> Bool {
    switch kind {
    case .boot, .compare, .startRate: isPrimary(series)
    case .exits, .io: true
    case .density: series.unit == .bytes
    }
  }
}
