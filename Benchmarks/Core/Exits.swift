import Bench
import BenchSupport

/// How often a second the guest can leave and be entered again: Swiftlet and the C program serve the same guest.
enum Exits {
  private static let count = 20_000
  /// Each kind of exit with the marks that the guest writes around its loop.
  private static let kinds = [("port write", 16, 17), ("memory read", 18, 19)]

  static func measure(_ setting: Setting, _ report: inout Report) throws(Failure) {
    let rounds = max(1, setting.rounds / 2)
    let jobs = [
      setting.twinJob(guest: "exits", commandLine: "n=\(count)"),
      try setting.monitorJob(guest: "exits", commandLine: "n=\(count)", timeline: true),
    ]
    // Of each kind of exit, each program's.
    var samples = kinds.map { _ in jobs.map { _ in Samples() } }
    for round in 0...rounds {
      for (program, job) in jobs.enumerated() {
        let marks = try job.run().marks
        for (kind, (name, first, last)) in kinds.enumerated() {
          guard let begin = marks[first]?.seconds, let end = marks[last]?.seconds, end > begin else {
            throw Failure("\(job.name) gives no time for a \(name)")
          }
          if round > 0 { samples[kind][program].append(Double(count) / (end - begin)) }
        }
      }
    }
    report.heading("Exits a second, in thousands (medians of \(rounds) interleaved rounds of \(count))")
    let rows = zip(kinds, samples).map { kind, samples in
      let (floor, monitor) = (samples[0].median, samples[1].median)
      return [kind.0, fixed(floor / 1000, 1), fixed(monitor / 1000, 1), fixed(monitor / floor, 3)]
        + report.verdict(monitor / floor, atLeast: 0.95, "0.95")
    }
    report.table(["exit", "C program", "`swiftlet-vmm`", "ratio", "limit", ""], rows)
  }
}
