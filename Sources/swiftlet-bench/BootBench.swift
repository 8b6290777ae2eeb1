import ArgumentParser
import Bench
import Configuration
import Glibc
import LinuxSystem

struct BootBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "boot",
    abstract: "Say how long a boot takes, and where the time goes.",
    discussion: """
      A row is the time until a step, from the step above it. Steps are noted by swiftlet, by its monitor, and by the \
      monitor for the guest where that writes to the boot timer: nothing is guessed from a console. Together the rows are \
      the whole time. What KVM counts is told where it keeps statistics.

      Without --kernel and options after `--`, the Linux installed with swiftlet boots to `true` as its workload. What \
      follows `--` is for `swiftlet boot`, as in `swiftlet bench boot --kernel vmlinux -- --disk root.img --cpus 2`.
      """)

  @Option(
    name: [.customShort("n"), .long], help: ArgumentHelp("How many boots are measured.", valueName: "n"))
  var runs = 20

  @Option(help: ArgumentHelp("How many boots come before, and are not measured.", valueName: "n"))
  var warmUp = 1

  @Option(help: ArgumentHelp("The kernel, as of `swiftlet boot`.", valueName: "file"), completion: .file())
  var kernel: String?

  @Option(help: ArgumentHelp("After how long a boot is given up.", valueName: "seconds"))
  var timeLimit = 300

  @Flag(help: "Drop what can be dropped of the host's caches before each boot.")
  var cold = false

  @OptionGroup var files: ResultFiles

  @Argument(
    parsing: .postTerminator, help: ArgumentHelp("Options of `swiftlet boot`.", valueName: "option"))
  var options: [String] = []

  func run() throws {
    try check(runs, "--runs", 1...100_000)
    try check(warmUp, "--warm-up", 0...1000)
    try check(timeLimit, "--time-limit", 1...86_400)
    try measure(.boot, runs: runs, warmUps: warmUp, into: files) { swiftlet, conditions in
      let measurement = try BootMeasurement(swiftlet, ["boot"] + bootOptions(swiftlet), limit: timeLimit)
      // First, since it tells which kernel is booted: options, the environment or a file decide.
      let (memory, kernel) = try measurement.lookAtOne()
      conditions.describe(kernel: kernel)
      let caches = cold ? HostCaches(measurement.words(swiftlet, kernel)) : nil
      var contestant = Contestant("swiftlet boot", command: measurement.job.arguments)
      contestant.add(try measurement.boots(runs, warmUp: warmUp, caches))
      contestant.memoryBeyondGuest = memory
      conditions.cache = caches?.text
      return Findings(contestants: [contestant])
    }
  }

  private func bootOptions(_ swiftlet: Swiftlet) throws(Diagnostic) -> [String] {
    if kernel == nil, options.isEmpty {
      return [
        "--disk", try swiftlet.guest("rootfs/root.erofs") + ",ro", "--append",
        "rootfstype=erofs -- /bin/true",
      ]
    }
    return (kernel.map { ["--kernel", $0] } ?? []) + options
  }
}

/// Boots that are timed.
private struct BootMeasurement {
  let job: Job
  private let folder: TemporaryFolder
  private let limit: Int
  private var record: String { "\(folder.path)/record" }

  init(_ swiftlet: Swiftlet, _ arguments: [String], limit: Int) throws(Failure) {
    folder = try TemporaryFolder()
    self.limit = limit
    job = Job(
      name: "the boot", arguments: [swiftlet.program] + arguments + ["--json", "\(folder.path)/record"])
  }

  /// What may name a file that a boot reads: the record is written, and is empty before.
  func words(_ swiftlet: Swiftlet, _ kernel: String) -> [String?] {
    [swiftlet.monitor, kernel, getenv("SWIFTLET_KERNEL").map { String(cString: $0) }]
      + job.arguments.dropLast()
  }

  func boots(_ runs: Int, warmUp: Int, _ caches: HostCaches?) throws -> [(wall: UInt64, phases: BootPhases)] {
    let progress = ProgressLine(total: runs + warmUp)
    var boots: [(UInt64, BootPhases)] = []
    for round in 0..<(runs + warmUp) {
      progress.show("booting", done: round)
      caches?.drop()
      let run = try job.attempt(within: limit)
      let phases = try BootPhases(
        record(of: run), from: run.startedAt, to: run.endedAt, processor: run.processorTime)
      if round >= warmUp { boots.append((run.duration, phases)) }
    }
    return boots
  }

  /// One boot that is looked at while it runs, and therefore not timed.
  /// - Returns: the most memory beyond the guest's, and the path of the kernel.
  func lookAtOne() throws -> (memory: UInt64?, kernel: String) {
    var memory = MonitorMemory()
    let process = try RunningJob(job)
    let run = try process.end(within: limit) { identifier in
      memory.look(at: identifier)
      usleep(2000)
    }
    return (memory.peak, try record(of: run).kernel)
  }

  /// What a boot wrote down of itself.
  /// - Throws: for one that did not end well, its own line, and its status. A guest that resets its machine has ended well.
  private func record(of run: Job.Run) throws -> BootRecord {
    let bytes = (try? FileDescriptor(opening: record, O_RDONLY).contents(limit: 1 << 20)) ?? []
    if run.waitStatus == 0 { return try BootRecord(json: bytes) }
    // A workload's status is told without a line.
    let line = run.error.split(separator: "\n").last.map(String.init)
    if run.exitStatus == ExitStatus.guestReset.code, line == "swiftlet: \(ExitStatus.guestReset.meaning)",
      let record = try? BootRecord(json: bytes), record.isComplete
    {
      return record
    }
    standardError(
      Diagnostic.printable(line ?? "swiftlet: the boot ended with status \(run.exitStatus)") + "\n")
    throw EndingStatus(code: run.exitStatus)
  }
}
