import Bench
import BenchSupport

/// What `swiftlet run` takes above a plain `swiftlet boot` to the end of the same program, busybox's `true`.
enum Overhead {
  /// Of one start.
  private struct Cost {
    /// Guest instructions that KVM interpreted, in millions; nil where it interprets none.
    let instructions: Double?
    /// Milliseconds in which the guest did not run yet or any more: from before the process to the kernel in memory, and
    /// from the machine's end until the process is gone.
    let hostTime: Double
  }

  static func measure(_ setting: Setting, root: String, _ report: inout Report) throws(Failure) {
    let jobs = [
      Job(
        name: "`swiftlet boot`",
        arguments: [
          setting.command, "boot", "--timeline", "--memory", "\(Setting.mebibytes)M", "--disk", root + ",ro",
          "--append", "rootfstype=erofs -- /bin/true",
        ]),
      Job(
        name: "`swiftlet run`",
        arguments: [
          setting.command, "run", "--timeline", "--memory", "\(Setting.mebibytes)M", root, "/bin/true",
        ]),
    ]
    var instructions = [Samples(), Samples()]
    var hostTimes = [Samples(), Samples()]
    // The first round fills caches and is not counted.
    for round in 0...setting.rounds {
      for (index, job) in jobs.enumerated() {
        let cost = try cost(of: job)
        guard round > 0 else { continue }
        hostTimes[index].append(cost.hostTime)
        if let count = cost.instructions { instructions[index].append(count) }
      }
    }

    let added = instructions[1].median - instructions[0].median
    let time = hostTimes[1].median - hostTimes[0].median
    report.heading(
      "From exec to the end of `true`, all gone (medians of \(setting.rounds) interleaved rounds)")
    var rows = zip(jobs, zip(instructions, hostTimes)).map { job, cost in
      [job.name, fixed(cost.0.median, 2), fixed(cost.1.median, 1)]
    }
    rows.append(["more", fixed(added, 2), fixed(time, 1)])
    rows.append(
      [
        "limit", added.isNaN ? "" : limit(report.verdict(added, atMost: 0.5, "0.5")),
        limit(report.verdict(time, atMost: 20, "20")),
      ])
    report.table(["command", "million guest instructions interpreted", "ms of the host's"], rows)
  }

  private static func limit(_ verdict: [String]) -> String { verdict.joined(separator: ", ") }

  private static func cost(of job: Job) throws(Failure) -> Cost {
    let run = try job.run(within: 300)
    guard let loaded = run.step("kernel loaded"), let ended = run.step("machine ended") else {
      throw Failure("\(job.name) tells no times: \(run.error)")
    }
    return Cost(
      instructions: ended.instructions.map { Double($0) / 1e6 },
      hostTime: Double(run.duration) / 1e6 - 1e3 * (ended.seconds - loaded.seconds))
  }
}
