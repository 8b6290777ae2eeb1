import ArgumentParser
import Bench
import CBench
import Configuration
import Glibc
import LinuxSystem

struct CompareBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Start the same program as a process, in containers, in other monitors and in Swiftlet.",
    discussion: """
      The program does nothing but end. In a Linux guest the first process starts it and then resets the machine; a bare \
      guest resets it at once. All take turns, in another order each round. Who is not installed is told to be absent; who \
      fails is told with a line that it said.

      A peer's command line must end with status 0, and leave nothing running. In it {kernel}, {bzimage}, {initrd} and {bare} \
      stand for the guest's files, {initrd-off} for one that powers the machine off and does not reset it, {cmdline} for the \
      command line of the kernel, {program} for the program and {root} for the folder it is in, as in \
      --peer 'mine=mine --kernel {kernel} --initrd {initrd}'.
      """)

  @Option(
    name: [.customShort("n"), .long], help: ArgumentHelp("How many rounds are measured.", valueName: "n"))
  var runs = 20

  @Option(
    help: ArgumentHelp(
      "How many rounds come before, and are not measured; at least 1. One more is watched.", valueName: "n"))
  var warmUp = 1

  @Option(
    help: ArgumentHelp(
      "A kernel for the Linux guests, an ELF file or a bzImage, instead of swiftlet's.", valueName: "file"),
    completion: .file())
  var kernel: String?

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("One more contestant. May be repeated.", valueName: "name=command line"))
  var peer: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Leave all out but those of this name. May be repeated.", valueName: "name"))
  var only: [String] = []

  @Option(help: ArgumentHelp("Whose times the others' are told in.", valueName: "name"))
  var base = "process"

  @Option(help: ArgumentHelp("After how long a run is given up.", valueName: "seconds"))
  var timeLimit = 120

  @Option(help: ArgumentHelp("Of the order of the runs; another each time if none is given.", valueName: "n"))
  var seed: UInt64?

  @OptionGroup var files: ResultFiles

  func run() throws {
    try check(runs, "--runs", 1...100_000)
    try check(warmUp, "--warm-up", 1...1000)
    try check(timeLimit, "--time-limit", 1...86_400)
    let peers = try peer.map { text throws(Diagnostic) in try NamedPeer(text) }
    if let kernel, access(kernel, R_OK) != 0 {
      throw Diagnostic(.noInput, "no such kernel", which: kernel, mend: "check the path")
    }
    try measure(.compare, runs: runs, warmUps: warmUp, base: base, into: files) { swiftlet, conditions in
      // What a contestant leaves behind is to be found, and ended.
      ProcessTree.begin()
      guard cbench_take_in_orphans() == 0 else { throw Failure("the kernel lets nobody take in orphans") }
      let contestFiles = try ContestFiles(swiftlet, kernel: kernel)
      let entrants = try chosen(Contest(contestFiles, swiftlet).entrants(peers))
      conditions.describe(kernel: contestFiles.source)
      let seed = seed ?? UInt64.random(in: .min ... .max)
      conditions.seed = seed
      var measurement = ContestMeasurement(entrants, limit: timeLimit, seed: seed)
      try measurement.measure(runs, warmUp: warmUp)
      return Findings(contestants: measurement.contestants, warnings: measurement.warnings)
    }
  }

  private func chosen(_ entrants: [Entrant]) throws(Diagnostic) -> [Entrant] {
    let names = entrants.map(\.contestant.name)
    for (option, wanted) in only.map({ ("--only", $0) }) + [("--base", base)] where !names.contains(wanted) {
      throw Diagnostic(
        .usage, "no such contestant for \(option)", which: wanted,
        mend: "there are: \(names.joined(separator: "; "))")
    }
    guard Set(names).count == names.count else {
      throw Diagnostic(.usage, "two contestants of one name", which: "--peer", mend: "give each another name")
    }
    return only.isEmpty
      ? entrants : entrants.filter { only.contains($0.contestant.name) || $0.contestant.name == base }
  }
}

/// Runs of all who take part, in turns.
struct ContestMeasurement {
  /// What a round is for.
  private enum Round { case warmUp, watched, timed }

  private var entrants: [Entrant]
  private var times: [[(wall: UInt64, processor: UInt64)]]
  /// What the programs were called that were still there after runs.
  private var leftBehind: [Set<String>]
  private let limit: Int
  private var generator: SeededGenerator
  /// How long what a run leaves may take to end by itself, in nanoseconds.
  private static let grace: UInt64 = 1_000_000_000

  init(_ entrants: [Entrant], limit: Int, seed: UInt64) {
    (self.entrants, self.limit) = (entrants, limit)
    times = entrants.map { _ in [] }
    leftBehind = entrants.map { _ in [] }
    generator = SeededGenerator(seed: seed)
  }

  var warnings: [String] {
    zip(entrants, leftBehind).filter { !$1.isEmpty }.map { entrant, names in
      let programs = Diagnostic.printable(names.sorted().joined(separator: ", "))
      return "\(entrant.contestant.name) left running what was ended then: \(programs)"
    }
  }

  /// With the series of what was measured.
  var contestants: [Contestant] {
    zip(entrants, times).map { entrant, times in
      var contestant = entrant.contestant
      guard contestant.failure == nil, !times.isEmpty else { return contestant }
      contestant.series = [
        Series(Series.wall, .nanoseconds, times.map { Double($0.wall) }),
        Series(Series.processor, .nanoseconds, times.map { Double($0.processor) }),
      ]
      return contestant
    }
  }

  /// After the warm-up there is one round that is looked at while it runs, and never timed. One that fails once is not
  /// started again.
  /// - Throws: where this program is asked to end.
  mutating func measure(_ runs: Int, warmUp: Int) throws(Failure) {
    let rounds =
      [Round](repeating: .warmUp, count: warmUp) + [.watched] + [Round](repeating: .timed, count: runs)
    let running = entrants.count { $0.contestant.absence == nil }
    let progress = ProgressLine(total: running * rounds.count)
    var done = 0
    for index in entrants.indices where entrants[index].contestant.isStarted { describe(index) }
    for round in rounds {
      for index in entrants.indices.shuffled(using: &generator) {
        guard entrants[index].contestant.absence == nil else { continue }
        progress.show(entrants[index].contestant.name, done: done)
        done += 1
        if entrants[index].contestant.isStarted { try run(index, round) }
      }
    }
  }

  private mutating func run(_ index: Int, _ round: Round) throws(Failure) {
    // Somebody may have asked while something else was waited for.
    try WatchedSignals.check()
    let entrant = entrants[index]
    var tree = ProcessTree()
    var grace = Self.grace
    do throws(Failure) {
      let process = try RunningJob(entrant.job)
      let run =
        round == .watched
        ? try process.end(within: limit) { _ in tree.look() } : try process.end(within: limit)
      if run.exitStatus != entrant.expected {
        entrants[index].contestant.failure = run.lastWords
      } else if round == .timed {
        times[index].append((run.duration, run.processorTime))
      }
    } catch {
      if error.signal != nil {
        putAway(entrant)
        throw error
      }
      entrants[index].contestant.failure = Diagnostic.printable(error.description)
      grace = 0
    }
    let left = ProcessTree.endOffspring(after: grace)
    if grace > 0 { leftBehind[index].formUnion(left) }
    if entrants[index].contestant.failure != nil {
      applyRemedy(entrant)
      // Whoever asked meanwhile has ended the remedy too.
      do throws(Failure) { try WatchedSignals.check() } catch {
        putAway(entrant)
        throw error
      }
    }
    // Of what was over too soon to be seen, nothing is told.
    if round == .watched, tree.threads > 0 {
      entrants[index].contestant.threads = tree.threads
      entrants[index].contestant.peakMemory = tree.memory
    }
  }

  /// Ends what is there, this program having been asked to end, and itself not to be disturbed in that.
  private func putAway(_ entrant: Entrant) {
    WatchedSignals.beginToEnd()
    _ = ProcessTree.endOffspring(after: 0)
    applyRemedy(entrant)
  }

  private func applyRemedy(_ entrant: Entrant) {
    guard !entrant.remedy.isEmpty else { return }
    _ = try? Job(name: entrant.remedy[0], arguments: entrant.remedy).attempt(within: 30)
    _ = ProcessTree.endOffspring(after: Self.grace)
  }

  /// What is known of it besides its times.
  private mutating func describe(_ index: Int) {
    let entrant = entrants[index]
    guard let program = entrant.contestant.command.first.flatMap({ Bench.Program.find($0) }) else { return }
    entrants[index].contestant.command[0] = program
    let files = Set([program] + Self.libraries(of: program) + entrant.files)
    entrants[index].contestant.diskBytes = files.compactMap { Bench.Program.size($0) }.reduce(0, +)
    guard let option = entrant.versionOption else { return }
    let version = try? Job(name: program, arguments: [program, option]).attempt(within: 5)
    entrants[index].contestant.version = version.map(\.output.firstLine)
  }

  /// By what ldd(1) tells; none for a static program.
  private static func libraries(of program: String) -> [String] {
    guard let ldd = Bench.Program.find("ldd"),
      let run = try? Job(name: "ldd", arguments: [ldd, program]).attempt(within: 5), run.waitStatus == 0
    else { return [] }
    return run.output.split(whereSeparator: \.isWhitespace).filter { $0.hasPrefix("/") }.map(String.init)
  }
}

extension Contestant {
  /// Whether it is there, and has not failed yet.
  fileprivate var isStarted: Bool { absence == nil && failure == nil }
}
