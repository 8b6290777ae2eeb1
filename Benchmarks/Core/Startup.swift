import Bench
import BenchSupport

/// From before the process exists until it is gone: a guest that says one line and switches itself off, beside a
/// container that runs a program which does nothing.
enum Startup {
  static func measure(_ setting: Setting, _ report: inout Report) throws(Failure) {
    let container = try Container(program: setting.nothing)
    var jobs = [
      setting.twinJob(guest: "hello"), try setting.monitorJob(guest: "hello"),
      Job(
        name: "`swiftlet boot`",
        arguments: [
          setting.command, "boot", "--kernel", "\(setting.guests)/hello", "--memory", "\(Setting.mebibytes)M",
        ]),
      Job(name: "a C program that does nothing", arguments: [setting.nothing]),
    ]
    for index in 0..<3 { jobs[index].expected = "hello from a bare guest\n" }
    if let container { jobs.append(container.job) }
    let samples = try times(of: jobs, rounds: setting.rounds)

    let floor = samples[0].median
    report.heading("From exec to exit, in ms (medians and minima of \(setting.rounds) interleaved rounds)")
    var rows = zip(jobs, samples).map { job, samples in
      [
        job.name, fixed(samples.median, 2), fixed(samples.minimum, 2), fixed(samples.median / floor, 2), "",
        "",
      ]
    }
    rows[1].replaceSubrange(4..., with: report.verdict(samples[1].median / floor, atMost: 3, "3 times"))
    rows[2].replaceSubrange(4..., with: report.verdict(samples[2].median / floor, atMost: 7, "7 times"))
    if container != nil {
      let verdict = report.verdict(samples[2].median, atMost: samples[4].median, "`crun`'s time")
      rows[2][4] += ", " + verdict[0]
      rows[2][5] += ", " + verdict[1]
    }
    report.table(["program", "median", "minimum", "times the C program", "limit", ""], rows)
    if container == nil { print("\n`crun` is not installed here: no container to compare with.") }
  }

  /// Milliseconds of each job; all jobs in turn, so that what else the host does hits all alike.
  private static func times(of jobs: [Job], rounds: Int) throws(Failure) -> [Samples] {
    var samples = [Samples](repeating: Samples(), count: jobs.count)
    // The first round fills caches and is not counted.
    for round in 0...rounds {
      for (index, job) in jobs.enumerated() {
        let run = try job.run()
        guard run.output == job.expected else { throw Failure("\(job.name) said \"\(run.output)\"") }
        if round > 0 { samples[index].append(Double(run.duration) / 1e6) }
      }
    }
    return samples
  }
}
