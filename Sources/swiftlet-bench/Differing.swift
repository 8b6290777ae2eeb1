import ArgumentParser
import Bench
import Configuration
import Glibc
import LinuxSystem

struct Differing: ParsableCommand {
  /// Ends with it where something got slower, or was lost.
  static let worseStatus: Int32 = 1

  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Say which differences between two results are real.",
    discussion: """
      A difference is told of where the medians differ by \(fixed(100 * Difference.effect, 0)) % or what --effect says, and \
      where the test of Mann, Whitney and Wilcoxon finds it: with all series of both results together, equal ones are \
      called different in at most \(fixed(100 * Difference.level, 0)) of 100 cases. Half of that is for times as a whole, \
      of which \(Difference.valuesNeeded(besides: 1, level: Difference.level / 2)) runs can be enough; where series are too \
      short to tell, that is said.

      Ends with status \(Self.worseStatus) if something got slower, or more in number, or was measured before and is gone or \
      fails; else with 0.
      """)

  @Argument(help: "The result of before, as --json wrote it.", completion: .file(extensions: ["json"]))
  var before: String

  @Argument(help: "The result of after.", completion: .file(extensions: ["json"]))
  var after: String

  @Option(help: ArgumentHelp("By how much medians must differ, in percent.", valueName: "percent"))
  var effect = 100 * Difference.effect

  func run() throws {
    guard effect.isFinite, (0...1000).contains(effect) else {
      throw Diagnostic(.usage, "bad number for --effect", which: "\(effect)", mend: "use 0 to 1000")
    }
    let (before, after) = (try Self.read(before), try Self.read(after))
    let both = "\(self.before), \(self.after)"
    guard before.kind == after.kind else {
      throw Diagnostic(
        .badInput, "results of \(before.kind.rawValue) and of \(after.kind.rawValue)", which: both,
        mend: "give two of the same benchmark")
    }
    let comparison = Comparison(before, after, effect: effect / 100)
    guard !comparison.isEmpty else {
      throw Diagnostic(
        .badInput, "the results have nothing in common", which: both,
        mend: "give two that measured the same")
    }
    try show(comparison.text)
    if comparison.isWorse { throw EndingStatus(code: Self.worseStatus) }
    guard !comparison.isTooShort else {
      throw Diagnostic(
        .badInput, "too few runs to tell of any difference", which: both,
        mend: "measure again, with more runs")
    }
  }

  private static func read(_ path: String) throws(Diagnostic) -> ResultDocument {
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try FileDescriptor(opening: path, O_RDONLY).contents(limit: 64 << 20)
    } catch {
      throw Diagnostic(.noInput, "cannot read the result", which: path, mend: error.reason)
    }
    return try ResultDocument(json: bytes, path: path)
  }
}
