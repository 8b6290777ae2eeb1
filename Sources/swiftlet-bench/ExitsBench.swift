import ArgumentParser
import Bench
import Configuration
import LinuxSystem

struct ExitsBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exits",
    abstract: "Say what it costs to leave the guest and to come back.",
    discussion: """
      A bare guest does the same again and again, and marks the beginning and the end. Swiftlet runs it, and so does the \
      smallest C program that can, in another order each round. What Swiftlet makes no use of, the C program alone shows; what this host's KVM does not \
      do is told.
      """)

  @Option(
    name: [.customShort("n"), .long], help: ArgumentHelp("How many rounds are measured.", valueName: "n"))
  var runs = 15

  @Option(help: ArgumentHelp("How often the guest does each thing in a round.", valueName: "n"))
  var count = 20_000

  @OptionGroup var guests: BareGuests
  @OptionGroup var order: TurnOrder
  @OptionGroup var files: ResultFiles

  func run() throws {
    try check(runs, "--runs", 1...100_000)
    try check(count, "--count", 1...1_000_000)
    try measure(.exits, runs: runs, warmUps: 1, base: ExitMeasurement.twin, into: files) {
      swiftlet, conditions in
      var measurement = try ExitMeasurement(swiftlet, guests, count: count)
      var generator = order.generator(&conditions)
      try measurement.measure(runs, &generator)
      return Findings(contestants: measurement.contestants)
    }
  }
}

/// Where the bare guests are.
struct BareGuests: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where the bare guests are, if not where swiftlet is installed.", valueName: "folder"),
    completion: .directory)
  var guests: String?

  func path(_ name: String, _ swiftlet: Swiftlet) throws(Diagnostic) -> String {
    guard let guests else { return try swiftlet.guest("bare/\(name)") }
    guard Bench.Program.size("\(guests)/\(name)") != nil else {
      throw Diagnostic(
        .noInput, "no guest", which: "\(guests)/\(name)", mend: "name the folder of the bare guests")
    }
    return "\(guests)/\(name)"
  }
}

/// Runs of the guest `exits` by each program, in turns.
private struct ExitMeasurement {
  static let (ours, twin) = ("swiftlet", "C program")

  /// What the guest does, by its number there.
  private struct Kind {
    let number: Int
    let name: String
    /// Whether there are KVMs that never come back from it.
    var mayHang = false
    /// What the C program is told to have besides.
    var twinOption: String?
    /// Why Swiftlet has none of it.
    var unused: String?
  }
  private static let kinds = [
    Kind(number: 0, name: "port write"), Kind(number: 1, name: "memory read"),
    Kind(number: 2, name: "hypercall", mayHang: true),
    Kind(
      number: 3, name: "ioeventfd", twinOption: "event",
      unused: "not used: a queue's notification is a memory write"),
    Kind(
      number: 4, name: "ioeventfd and back by irqfd, asleep", twinOption: "interrupt",
      unused: "not used: bench io has a request that is waited for asleep"),
  ]
  /// How often each thing is done in the first round, which shows whether it works at all.
  private static let trial = 200

  private struct Way {
    let contestant: Int
    let kind: Kind
    let arguments: [String]
    /// Of the C program, what follows the guest's command line.
    let options: [String]
    var times: [Double] = []
    var hasFailed = false
  }
  private var ways: [Way] = []
  private(set) var contestants: [Contestant]
  private let count: Int

  init(_ swiftlet: Swiftlet, _ guests: BareGuests, count: Int) throws(Diagnostic) {
    self.count = count
    let guest = try guests.path("exits", swiftlet)
    let twin = try? guests.path("twin", swiftlet)
    contestants = [
      Contestant(Self.ours, command: [swiftlet.program, "boot", "--kernel", guest]),
      Contestant(Self.twin, command: twin.map { [$0, guest, "128"] } ?? []),
    ]
    if twin == nil { contestants[1].absence = "it is not beside \(guest): make guests builds it" }
    for kind in Self.kinds {
      if let reason = kind.unused {
        contestants[0].notMeasured = (contestants[0].notMeasured ?? [:]).merging([kind.name: reason]) { $1 }
      } else {
        let command = contestants[0].command + ["--memory", "128M", "--timeline", "--append"]
        ways.append(Way(contestant: 0, kind: kind, arguments: command, options: []))
      }
      guard twin != nil else { continue }
      ways.append(
        Way(
          contestant: 1, kind: kind, arguments: contestants[1].command,
          options: kind.twinOption.map { [$0] } ?? []))
    }
  }

  /// A short round comes first and is not counted. What fails once is not done again.
  mutating func measure(_ runs: Int, _ generator: inout SeededGenerator) throws(Failure) {
    let progress = ProgressLine(total: (runs + 1) * ways.count)
    for round in 0...runs {
      for (done, index) in ways.indices.shuffled(using: &generator).enumerated() {
        progress.show(
          "\(contestants[ways[index].contestant].name), \(ways[index].kind.name)",
          done: round * ways.count + done)
        if !ways[index].hasFailed { try run(index, isTrial: round == 0) }
      }
    }
    for way in ways where !way.times.isEmpty && !way.hasFailed {
      contestants[way.contestant].series.append(Series(way.kind.name, .nanoseconds, way.times))
    }
  }

  private mutating func run(_ index: Int, isTrial: Bool) throws(Failure) {
    let (way, kind) = (ways[index], ways[index].kind)
    let count = isTrial ? min(count, Self.trial) : count
    let job = Job(
      name: contestants[way.contestant].name,
      arguments: way.arguments + ["n=\(count) kind=\(kind.number)"] + way.options)
    do throws(Failure) {
      // Far more seconds than it needs where it works at all, on a busy host too; but where it may not, less patience.
      let run = try job.attempt(within: isTrial && kind.mayHang ? 5 : 60 + count / 1000)
      let marks = run.marks
      guard run.exitStatus == 0, let begin = marks[16 + 2 * kind.number],
        let end = marks[17 + 2 * kind.number]
      else { return fail(index, run.lastWords) }
      if !isTrial { ways[index].times.append((end.seconds - begin.seconds) * 1e9 / Double(count)) }
    } catch {
      if error.signal != nil { throw error }
      fail(index, error.description)
    }
  }

  private mutating func fail(_ index: Int, _ reason: String) {
    ways[index].hasFailed = true
    let (number, name) = (ways[index].contestant, ways[index].kind.name)
    contestants[number].notMeasured = (contestants[number].notMeasured ?? [:])
      .merging([name: "fails: \(reason)"]) { $1 }
  }
}
