import ArgumentParser
import Bench
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
      fails is told with the last line it said.

      A peer's command line must end with status 0. In it {kernel}, {bzimage}, {initrd} and {bare} \
      stand for the guest's files, {initrd-off} for one that powers the machine off and does not reset it, {cmdline} for the \
      command line of the kernel, {program} for the program and {root} for the folder it is in, as in \
      --peer 'mine=mine --kernel {kernel} --initrd {initrd}'.
      """)

  @Option(
    name: [.customShort("n"), .long], help: ArgumentHelp("How many rounds are measured.", valueName: "n"))
  var runs = 20

  @Option(
    help: ArgumentHelp("How many rounds come before, and are not measured; at least 1.", valueName: "n"))
  var warmUp = 1

  @Option(
    help: ArgumentHelp("A kernel for the Linux guests, an ELF file or a bzImage, instead of swiftlet's.", valueName: "file"),
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
      let contestFiles = try ContestFiles(swiftlet, kernel: kernel)
      let entrants = try chosen(Contest(contestFiles, swiftlet).entrants(peers))
      conditions.describe(kernel: contestFiles.source)
      let seed = seed ?? UInt64.random(in: .min ... .max)
      conditions.seed = seed
      var measurement = ContestMeasurement(entrants, limit: timeLimit, seed: seed)
      try measurement.measure(runs, warmUp: warmUp)
      return Findings(contestants: measurement.contestants)
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
  private var entrants: [Entrant]
  private var times: [[(wall: UInt64, processor: UInt64)]]
  private let limit: Int
  private var generator: SeededGenerator

  init(_ entrants: [Entrant], limit: Int, seed: UInt64) {
    (self.entrants, self.limit) = (entrants, limit)
    times = entrants.map { _ in [] }
    generator = SeededGenerator(seed: seed)
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

  /// The first round of all is looked at while it runs, and never timed. One that fails once is not started again.
  /// - Throws: where this program is asked to end.
  mutating func measure(_ runs: Int, warmUp: Int) throws(Failure) {
    let running = entrants.count { $0.contestant.absence == nil }
    let progress = ProgressLine(total: running * (runs + warmUp))
    var done = 0
    for round in 0..<(runs + warmUp) {
      for index in entrants.indices.shuffled(using: &generator) {
        guard entrants[index].contestant.absence == nil else { continue }
        progress.show(entrants[index].contestant.name, done: done)
        done += 1
        guard entrants[index].contestant.failure == nil else { continue }
        if round == 0 { describe(index) }
        try run(index, isTimed: round >= warmUp, isWatched: round == 0)
      }
    }
  }

  private mutating func run(_ index: Int, isTimed: Bool, isWatched: Bool) throws(Failure) {
    let entrant = entrants[index]
    var tree = ProcessTree()
    do throws(Failure) {
      let process = try RunningJob(entrant.job)
      let run =
        isWatched
        ? try process.end(within: limit) { tree.look(at: $0) } : try process.end(within: limit)
      if run.exitStatus != entrant.expected {
        entrants[index].contestant.failure = run.lastWords
      } else if isTimed {
        times[index].append((run.duration, run.processorTime))
      }
    } catch {
      if error.signal != nil { throw error }
      entrants[index].contestant.failure = error.description
    }
    // Of what was over too soon to be seen, nothing is told.
    if isWatched, tree.threads > 0 {
      entrants[index].contestant.threads = tree.threads
      entrants[index].contestant.peakMemory = tree.memory
    }
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
