package import Configuration
import FoundationEssentials

/// What `swiftlet boot --json` writes.
package struct BootRecord: Codable, Sendable, Equatable {
  package struct Step: Codable, Sendable, Equatable {
    package let name: String
    /// Of CLOCK_MONOTONIC.
    package let nanoseconds: UInt64
    /// What the process had used of processors until then, in nanoseconds; nil where nobody noted it.
    package let processor: UInt64?
    package let counters: [String: UInt64]?

    package init(
      _ name: String, at nanoseconds: UInt64, processor: UInt64? = nil, counters: [String: UInt64]? = nil
    ) {
      (self.name, self.nanoseconds, self.processor, self.counters) = (name, nanoseconds, processor, counters)
    }
  }

  package let version: Int
  /// The path of the file that was booted: of a bzImage the one that was unpacked from it, where such are kept.
  package let kernel: String
  package let steps: [Step]

  package init(kernel: String = "", steps: [Step]) { (version, self.kernel, self.steps) = (1, kernel, steps) }

  /// Whether it was written by a machine that ended as its guest wanted, and not by one that was given up.
  package var isComplete: Bool {
    ["guest off", "machine ended"].allSatisfy { name in steps.contains { $0.name == name } }
  }

  /// - Throws: a `Diagnostic` for what is no record.
  package init(json: [UInt8]) throws(Diagnostic) {
    guard let record = try? JSONDecoder().decode(BootRecord.self, from: Data(json)), record.version == 1
    else {
      throw Diagnostic(
        .monitorError, "the machine has left no record of its boot", which: "",
        mend: "install all of swiftlet from the same build")
    }
    self = record
  }
}

/// The parts of one boot, each from one step to the next: what is between the first and the last belongs to exactly one.
package struct BootPhases: Sendable, Equatable {
  package struct Phase: Sendable, Equatable {
    /// The step it ends with.
    package let name: String
    package let nanoseconds: UInt64
    /// What was counted in it: by KVM and the monitor; and of processors, nanoseconds that the process used.
    package let counters: [String: UInt64]
  }

  /// Among the counters of a phase: nanoseconds of processors.
  package static let processor = "processor"

  package static let last = "process gone"
  package let phases: [Phase]

  /// - Parameters:
  ///   - startedAt: before the process was made.
  ///   - endedAt: after it was waited for. Both in nanoseconds of CLOCK_MONOTONIC, the clock of the steps.
  ///   - processor: what the process has used of processors in all, in nanoseconds.
  /// - Throws: where a step lies outside: the record is of another boot.
  package init(_ record: BootRecord, from startedAt: UInt64, to endedAt: UInt64, processor: UInt64? = nil)
    throws(Diagnostic)
  {
    let steps = record.steps.sorted { $0.nanoseconds < $1.nanoseconds }
    guard let first = steps.first, let final = steps.last, first.nanoseconds >= startedAt,
      final.nanoseconds <= endedAt
    else {
      throw Diagnostic(.monitorError, "the record is not of the boot that was measured", which: "", mend: "")
    }
    var phases: [Phase] = []
    var (time, counted, seen) = (startedAt, [String: UInt64](), [String: Int]())
    var used: UInt64?
    for step in steps + [BootRecord.Step(Self.last, at: endedAt, processor: processor)] {
      let times = (seen[step.name] ?? 0) + 1
      seen[step.name] = times
      // Counts begin with the processors, at 0.
      var counters = (step.counters ?? [:]).map { name, count in (name, count &- (counted[name] ?? 0)) }
      if let used, let now = step.processor { counters.append((Self.processor, now < used ? 0 : now - used)) }
      used = step.processor
      phases.append(
        Phase(
          name: times == 1 ? step.name : "\(step.name) (\(times))", nanoseconds: step.nanoseconds &- time,
          counters: Dictionary(counters) { first, _ in first }))
      time = step.nanoseconds
      counted.merge(step.counters ?? [:]) { $1 }
    }
    self.phases = phases
  }
}

extension Contestant {
  /// What a phase's series is called.
  package static func series(ofPhase name: String) -> String { "until \(name)" }

  /// The series of several boots: the whole time, then each phase in order. A phase that only some boots had has fewer
  /// values.
  package mutating func add(_ boots: [(wall: UInt64, phases: BootPhases)]) {
    series.append(Series(Series.wall, .nanoseconds, boots.map { Double($0.wall) }))
    for name in Contestant.order(boots.map { $0.phases.phases.map(\.name) }) {
      let found = boots.compactMap { boot in boot.phases.phases.first { $0.name == name } }
      var counters: [String: [Double]] = [:]
      for phase in found {
        for (name, count) in phase.counters { counters[name, default: []].append(Double(count)) }
      }
      series.append(
        Series(
          Contestant.series(ofPhase: name), .nanoseconds, found.map { Double($0.nanoseconds) },
          counters: counters.isEmpty ? nil : counters))
    }
    if let instructions = Contestant.sum("insn_emulation", boots) {
      series.append(Series("guest instructions interpreted", .count, instructions))
    }
    if let exits = Contestant.sum("exits", boots) { series.append(Series("exits", .count, exits)) }
  }

  /// All names in one order that agrees with each list's.
  private static func order(_ lists: [[String]]) -> [String] {
    var order: [String] = []
    for list in lists {
      var place = 0
      for name in list {
        if let found = order.firstIndex(of: name) {
          place = found + 1
        } else {
          order.insert(name, at: place)
          place += 1
        }
      }
    }
    return order
  }

  /// What KVM counted in each whole boot; nil where it did not.
  private static func sum(_ name: String, _ boots: [(wall: UInt64, phases: BootPhases)]) -> [Double]? {
    let sums = boots.compactMap { boot -> Double? in
      let counts = boot.phases.phases.compactMap { $0.counters[name] }
      return counts.isEmpty ? nil : Double(counts.reduce(0, &+))
    }
    return sums.count == boots.count ? sums : nil
  }
}
