import ArgumentParser
import Configuration
import Glibc
import LinuxSystem

/// What a person types.
struct Swiftlet: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "swiftlet",
    abstract: "Boot a kernel in a virtual machine of its own.",
    discussion: """
      Ends with the guest's own status, 0 when it powers off without one, or with:

      \(ExitStatus.ours.map { "\($0.code)  \($0.meaning)" }.joined(separator: "\n"))
      128+n  ended by signal n
      """,
    version: "swiftlet 0.1",
    subcommands: [Boot.self, Inspect.self, Doctor.self])
}

@main
enum Program {
  /// Nanoseconds of CLOCK_MONOTONIC at which the command began.
  static let startedAt = Clock.monotonicNanoseconds()

  static func main() {
    _ = startedAt
    do {
      var command = try Swiftlet.parseAsRoot()
      try command.run()
    } catch let diagnostic as Diagnostic {
      fail(diagnostic)
    } catch {
      // Help, the version and the completion script are "errors" with status 0.
      guard Swiftlet.exitCode(for: error) != .success else { Swiftlet.exit(withError: error) }
      var message = Swiftlet.message(for: error).split(separator: "\n").joined(separator: " ")
      if message.last == "." { message.removeLast() }
      fail(Diagnostic(.usage, message, which: "", mend: "see swiftlet --help"))
    }
  }

  /// Says it on one line of standard error and ends.
  static func fail(_ diagnostic: Diagnostic) -> Never {
    let line = Array("swiftlet: \(diagnostic)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
    exit(diagnostic.status.code)
  }
}
