import ArgumentParser
import Bench
import Configuration
import LinuxSystem

/// What a benchmark has found, besides the conditions.
struct Findings {
  var contestants: [Contestant]
  /// What a reader should know, besides what the conditions tell.
  var warnings: [String] = []
}

/// Does what all benchmarks do around what they measure: opens the files for the result before, and watches the host
/// meanwhile.
/// - Parameter base: the contestant that the others are told beside.
func measure(
  _ kind: ResultDocument.Kind, runs: Int, warmUps: Int, base: String = "", into files: ResultFiles,
  _ body: (Swiftlet, inout Conditions) throws -> Findings
) throws {
  let files = try files.open()
  let swiftlet = try Swiftlet()
  // Threads that a benchmark starts are not to end by signals, but what it started is to be ended.
  WatchedSignals.block()
  var conditions = Conditions(swiftlet, runs: runs, warmUps: warmUps)
  let watch = HostWatch(&conditions)
  let findings = try body(swiftlet, &conditions)
  watch.end(&conditions)
  var document = ResultDocument(kind, conditions, findings.contestants)
  document.warn()
  document.warnings += findings.warnings
  try files.write(document, base: base)
}

/// In which order those take turns who are measured.
struct TurnOrder: ParsableArguments {
  @Option(help: ArgumentHelp("Of the order of turns; another each time if none is given.", valueName: "n"))
  var seed: UInt64?

  /// Keeps the seed in the conditions.
  func generator(_ conditions: inout Conditions) -> SeededGenerator {
    let seed = seed ?? UInt64.random(in: .min ... .max)
    conditions.seed = seed
    return SeededGenerator(seed: seed)
  }
}

/// A number within its limits, or one clear line.
func check(_ value: Int, _ name: String, _ limits: ClosedRange<Int>) throws(Diagnostic) {
  guard limits.contains(value) else {
    throw Diagnostic(
      .usage, "bad number for \(name)", which: "\(value)",
      mend: "use \(limits.lowerBound) to \(limits.upperBound)")
  }
}

extension Job.Run {
  /// How it ended, with its status and the last line it said.
  var lastWords: String {
    let line = (error + "\n" + output).split(whereSeparator: \.isNewline).last {
      !$0.allSatisfy(\.isWhitespace)
    }
    return "status \(exitStatus)" + (line.map { ": " + Diagnostic.printable(String($0)) } ?? "")
  }
}
