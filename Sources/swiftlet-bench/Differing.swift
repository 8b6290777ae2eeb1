import ArgumentParser
import Bench
import Configuration
import Glibc
import LinuxSystem

struct Differing: ParsableCommand {
  /// Ends with it where something got slower.
  static let slowerStatus: Int32 = 1

  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Say which differences between two results are real.",
    discussion: """
      A difference is told of where the medians differ by \(fixed(100 * Difference.effect, 0)) % or what --effect says, and \
      where the test of Mann, Whitney and Wilcoxon finds it: with all series of both results together, equal ones are \
      called different in at most \(fixed(100 * Difference.level, 0)) of 100 cases. Series of fewer than \
      \(Difference.fewest) values are left out.

      Ends with status 1 if something got slower, or more in number, else with 0.
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
    let comparison = Comparison(before, after, effect: effect / 100)
    guard !comparison.rows.isEmpty else {
      throw Diagnostic(
        .badInput, "the results have nothing in common", which: "\(self.before), \(self.after)",
        mend: "give two of the same benchmark, with \(Difference.fewest) runs or more")
    }
    try show(comparison.text)
    if comparison.isSlower { throw EndingStatus(code: Self.slowerStatus) }
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
