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
      A bare guest is booted, which resets its machine at once, and the next when that is gone; then as many at a time as \
      there are processors, or up to --parallel. Beside it stands the same for a process that ends at once: this is what \
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
  /// Of more starts than that, every second one's time is kept, or every third, and so on.
  private static let most = 1000

  /// A start that goes on.
  private final class Slot {
    var job: RunningJob?
    deinit { job.take()?.kill() }
  }

  func measure(_ entrants: [Entrant], upTo most: Int) throws(Failure) -> [Contestant] {
    let progress = ProgressLine(total: entrants.count * most * seconds)
    var contestants: [Contestant] = []
    for together in 1...most {
      for entrant in entrants {
        var contestant = entrant.contestant
        _ = try start(entrant, together: together, for: seconds > 1 ? 1 : 0) { _ in }
        let done = contestants.count * seconds
        let ends = try start(entrant, together: together, for: seconds) {
          progress.show("\(contestant.name), \(together) at once", done: done + $0)
        }
        contestant = Contestant(
          RateSeries.contestant(contestant.name, together: together), command: contestant.command)
        contestant.series = series(ends)
        contestants.append(contestant)
      }
    }
    return contestants
  }

  /// When each start ended, in nanoseconds from the beginning, and how long it took.
  private typealias Ends = [(at: UInt64, duration: UInt64)]

  /// Starts again and again for so many seconds, at least once, and waits for the last.
  /// - Parameter tick: called with the whole seconds that have passed, about once in each.
  private func start(_ entrant: Entrant, together: Int, for seconds: Int, _ tick: (Int) -> Void)
    throws(Failure) -> Ends
  {
    let began = Clock.monotonicNanoseconds()
    let (slots, length) = ((0..<together).map { _ in Slot() }, UInt64(seconds) * 1_000_000_000)
    var (ends, shown) = (Ends(), -1)
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
          ends.append((run.endedAt &- began, run.duration))
        }
        if slot.job == nil, now < length || ends.isEmpty { slot.job = try RunningJob(entrant.job) }
      }
      if now >= length, slots.allSatisfy({ $0.job == nil }) { return ends }
      let signal = WatchedSignals.wait(1_000_000_000)
      if let signal, signal != SIGCHLD { throw Failure("interrupted", signal: signal) }
      guard signal != nil || now < length + Self.limit * 1_000_000_000 else {
        throw Failure("\(entrant.contestant.name) does not end within \(Self.limit) s")
      }
    }
  }

  private func series(_ ends: Ends) -> [Series] {
    let step = (ends.count + Self.most - 1) / Self.most
    let kept = stride(from: 0, to: ends.count, by: step).map { Double(ends[$0].duration) }
    // Those that end after the last whole second are not of any.
    var counts = [Int](repeating: 0, count: seconds)
    for end in ends where end.at / 1_000_000_000 < UInt64(seconds) {
      counts[Int(end.at / 1_000_000_000)] += 1
    }
    let pace = counts.filter { $0 > 0 }.map { 1e9 / Double($0) }
    // Starts that are longer than seconds have no other pace.
    return [
      Series(Series.wall, .nanoseconds, kept),
      Series(RateSeries.pace, .nanoseconds, pace.isEmpty ? kept : pace),
    ]
  }
}
