import ArgumentParser
import Bench
import Configuration
import Glibc
import LinuxSystem

struct StartRateBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start-rate",
    abstract: "Say how many machines start and end in a second, again and again.",
    discussion: """
      A bare guest is booted, which resets its machine at once, and the next when that is gone; then 2, 4 and so on at a \
      time, up to as many as there are processors, or --parallel. Beside it stands the same for a process that ends at once: this is what \
      the host can do.
      """)

  @Option(help: ArgumentHelp("How long each is started again and again.", valueName: "seconds"))
  var duration = 10

  @Option(
    help: ArgumentHelp(
      "How many at a time at most; as many as processors if not given.", valueName: "n"))
  var parallel: Int?

  @OptionGroup var files: ResultFiles

  func run() throws {
    try check(duration, "--duration", 1...86_400)
    if let parallel { try check(parallel, "--parallel", 1...256) }
    try measure(.startRate, runs: 0, warmUps: 0, base: "process", into: files) { swiftlet, conditions in
      let folder = try TemporaryFolder()
      defer { withExtendedLifetime(folder) {} }
      let (program, guest) = ("\(folder.path)/true", "\(folder.path)/bare")
      try ContestFiles.write(TrivialProgram.program, to: program, mode: 0o755)
      try ContestFiles.write(TrivialProgram.bareGuest, to: guest)
      conditions.describe(kernel: guest)
      let boot = [swiftlet.program, "boot", "--memory", "128M", "--console", "none", "--kernel", guest]
      let most = parallel ?? max(1, conditions.processors)
      return Findings(
        contestants: try RateMeasurement(seconds: duration).measure(
          [
            Entrant("process", [program]),
            Entrant("swiftlet boot, bare guest", boot, expecting: ExitStatus.guestReset.code),
          ], upTo: most))
    }
  }
}

private struct RateMeasurement {
  let seconds: Int
  /// Seconds for one start.
  private static let limit: UInt64 = 60
  /// So many values stand for all starts' times.
  private static let most = 1000

  /// A start that goes on.
  private final class Slot {
    var job: RunningJob?
    deinit { job.take()?.kill() }
  }

  /// 1, 2, 4 and so on, and the most.
  static func stages(upTo most: Int) -> [Int] {
    Array(sequence(first: 1) { $0 * 2 }.prefix { $0 < most }) + [most]
  }

  func measure(_ entrants: [Entrant], upTo most: Int) throws(Failure) -> [Contestant] {
    let stages = Self.stages(upTo: most)
    let progress = ProgressLine(total: entrants.count * stages.count * seconds)
    var contestants: [Contestant] = []
    for together in stages {
      for entrant in entrants {
        _ = try start(entrant, together: together, for: seconds > 1 ? 1 : 0) { _ in }
        let (name, done) = (
          RateSeries.contestant(entrant.contestant.name, together: together), contestants.count * seconds
        )
        let ends = try start(entrant, together: together, for: seconds) {
          progress.show(name, done: done + $0)
        }
        var contestant = Contestant(name, command: entrant.contestant.command)
        contestant.series = [
          Series(Series.wall, of: ends.times, keeping: Self.most),
          Series(RateSeries.rate, .perSecond, ends.counts.map(Double.init)),
        ]
        contestants.append(contestant)
      }
    }
    return contestants
  }

  private struct Ends {
    /// How long each start took, those that ended late too.
    var times = Tally()
    /// How many ended in each whole second: none is a number too. What ends later is not of any.
    var counts: [Int]
  }

  /// Starts again and again for so many seconds, at least once, and waits for the last.
  /// - Parameter tick: called with the whole seconds that have passed, about once in each.
  private func start(_ entrant: Entrant, together: Int, for seconds: Int, _ tick: (Int) -> Void)
    throws(Failure) -> Ends
  {
    let began = Clock.monotonicNanoseconds()
    let (slots, length) = ((0..<together).map { _ in Slot() }, UInt64(seconds) * 1_000_000_000)
    var (ends, shown) = (Ends(counts: [Int](repeating: 0, count: seconds)), -1)
    while true {
      let now = Clock.monotonicNanoseconds() &- began
      if Int(now / 1_000_000_000) > shown {
        shown = Int(now / 1_000_000_000)
        tick(shown)
      }
      for slot in slots {
        if let run = try slot.job?.ended() {
          // What it leaves is closed, not ended.
          slot.job = nil
          guard run.exitStatus == entrant.expected else {
            throw Failure("\(entrant.contestant.name): \(run.lastWords)")
          }
          ends.times.add(run.duration)
          let second = Int((run.endedAt &- began) / 1_000_000_000)
          if second < seconds { ends.counts[second] += 1 }
        }
        if slot.job == nil, now < length || ends.times.count == 0 { slot.job = try RunningJob(entrant.job) }
      }
      if now >= length, slots.allSatisfy({ $0.job == nil }) { return ends }
      let signal = WatchedSignals.wait(1_000_000_000)
      if let signal, signal != SIGCHLD { throw Failure("interrupted", signal: signal) }
      guard signal != nil || now < length + Self.limit * 1_000_000_000 else {
        throw Failure("\(entrant.contestant.name) does not end within \(Self.limit) s")
      }
    }
  }
}
