import ArgumentParser
import Bench
import Configuration
import Glibc
import LinuxSystem

struct DensityBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "density",
    abstract: "Say how many idle machines fit, and what each takes.",
    discussion: """
      Machines are started one after the other, and looked at when there are 1, 2, 4 and so on of them, and at the end. Their \
      guest says a word and sleeps; with --linux it is the Linux installed with swiftlet, in which a program sleeps. No \
      machine is started that could take the last of the host's memory: where that is what ends it, a warning tells. All \
      are ended at the end.
      """)

  @Option(
    name: [.customShort("n"), .long],
    help: ArgumentHelp("How many machines are started at most.", valueName: "n"))
  var machines = 32

  @Option(help: ArgumentHelp("Memory of each guest, in MiB.", valueName: "MiB"))
  var memory = 128

  @Flag(help: "Linux as the guest.")
  var linux = false

  @Option(
    help: ArgumentHelp(
      "Memory of the host that stays available; a tenth of all if not given.", valueName: "MiB"))
  var reserve: Int?

  @Option(help: ArgumentHelp("How long a machine may take until it idles.", valueName: "seconds"))
  var timeLimit = 300

  @OptionGroup var files: ResultFiles

  func run() throws {
    try check(machines, "--machines", 1...10_000)
    try check(memory, "--memory", 16...65_536)
    try check(timeLimit, "--time-limit", 1...86_400)
    if let reserve { try check(reserve, "--reserve", 0...1 << 30) }
    try measure(.density, runs: 0, warmUps: 0, into: files) { swiftlet, conditions in
      let folder = try TemporaryFolder()
      defer { withExtendedLifetime(folder) {} }
      let guest = linux ? try swiftlet.guest("kernels/up/vmlinux") : "\(folder.path)/idle"
      if !linux { try ContestFiles.write(TrivialProgram.idleGuest, to: guest) }
      conditions.describe(kernel: guest)
      let command = try [swiftlet.program, "boot", "--memory", "\(memory)M"] + options(swiftlet, guest)
      let all = Bench.Program.hostMemory("MemTotal") ?? 0
      let measurement = DensityMeasurement(
        command: command, guestMemory: UInt64(memory) << 20,
        reserve: reserve.map { UInt64($0) << 20 } ?? all / 10, limit: timeLimit)
      return try measurement.measure(machines)
    }
  }

  private func options(_ swiftlet: Swiftlet, _ guest: String) throws(Diagnostic) -> [String] {
    guard linux else { return ["--console", "serial", "--kernel", guest] }
    return [
      "--disk", try swiftlet.guest("rootfs/root.erofs") + ",ro", "--append",
      "rootfstype=erofs -- /bin/sh -c \"echo \(TrivialProgram.idleWord); exec sleep 1000000\"",
    ]
  }
}

/// A machine that idles, ended and waited for with its last owner.
private final class IdleMachine {
  private var job: RunningJob?
  let process: pid_t

  init(_ job: Job, limit: Int) throws(Failure) {
    let running = try RunningJob(job)
    process = running.identifier
    self.job = consume running
    try self.job?.waitUntilItSays(TrivialProgram.idleWord, within: limit)
  }

  deinit { job.take()?.kill() }
}

private struct DensityMeasurement {
  /// Until what a machine does after its start is over too.
  private static let settling: UInt64 = 500_000_000

  let command: [String]
  let guestMemory: UInt64
  let reserve: UInt64
  let limit: Int

  func measure(_ most: Int) throws -> Findings {
    DensityMeasurement.allowDescriptors()
    let progress = ProgressLine(total: most)
    let before = Bench.Program.hostMemory("MemAvailable")
    var (machines, contestants, warnings): ([IdleMachine], [Contestant], [String]) = ([], [], [])
    while machines.count < most, warnings.isEmpty {
      progress.show("starting machines", done: machines.count)
      if let reason = try shortage ?? start(&machines) {
        warnings.append("no more than \(machines.count) machines were started: \(reason)")
      }
      let (isLast, name) = (machines.count == most || !warnings.isEmpty, Self.name(machines.count))
      guard machines.count.nonzeroBitCount == 1 || isLast && machines.count > 0,
        contestants.last?.name != name
      else { continue }
      contestants.append(try look(at: machines, availableBefore: before))
    }
    guard !contestants.isEmpty else { throw Failure(warnings.first ?? "no machine was started") }
    return Findings(contestants: contestants, warnings: warnings)
  }

  /// - Returns: why there is none more; nil where there is.
  private func start(_ machines: inout [IdleMachine]) throws(Failure) -> String? {
    do throws(Failure) {
      machines.append(try IdleMachine(Job(name: "a machine", arguments: command), limit: limit))
      return nil
    } catch {
      if error.signal != nil || machines.isEmpty { throw error }
      return error.description
    }
  }

  private static func name(_ count: Int) -> String { "\(count) machine\(count == 1 ? "" : "s")" }

  /// Why no machine more may be started; each is taken to use all of its guest's memory, though it does not.
  private var shortage: String? {
    guard let available = Bench.Program.hostMemory("MemAvailable") else { return nil }
    guard available < reserve + guestMemory else { return nil }
    return "\(available >> 20) MiB of the host's memory are available, \(reserve >> 20) MiB stay so, "
      + "and one more may use \(guestMemory >> 20) MiB"
  }

  private func look(at machines: [IdleMachine], availableBefore: UInt64?) throws(Failure) -> Contestant {
    let signal = WatchedSignals.wait(DensityMeasurement.settling)
    if let signal, signal != SIGCHLD { throw Failure("interrupted", signal: signal) }
    let after = Bench.Program.hostMemory("MemAvailable")
    var contestant = Contestant(DensityMeasurement.name(machines.count), command: command)
    let shares = machines.compactMap { MappedShares(Bench.Program.file("/proc/\($0.process)/smaps")) }
    let counts = machines.compactMap { ProcessTree.counts(of: $0.process) }
    guard shares.count == machines.count, counts.count == machines.count else {
      throw Failure("a machine has ended, or its memory may not be looked at")
    }
    func series(_ name: String, _ unit: Series.Unit, _ values: [Double]) -> Series {
      Series(name, unit, values)
    }
    contestant.series = [
      series(DensitySeries.resident, .bytes, shares.map { Double($0.resident) }),
      series(DensitySeries.residentBeyond, .bytes, shares.map { Double($0.residentBeyondGuest) }),
      series(DensitySeries.proportional, .bytes, shares.map { Double($0.proportional) }),
      series(DensitySeries.proportionalBeyond, .bytes, shares.map { Double($0.proportionalBeyondGuest) }),
      series(DensitySeries.threads, .count, counts.map { Double($0.threads) }),
      series(DensitySeries.descriptors, .count, counts.map { Double($0.descriptors) }),
    ]
    if let availableBefore, let after {
      let taken = max(0, Double(availableBefore) - Double(after)) / Double(machines.count)
      contestant.series.append(series(DensitySeries.taken, .bytes, [taken]))
    }
    return contestant
  }

  /// Two pipes lead to each machine.
  private static func allowDescriptors() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
