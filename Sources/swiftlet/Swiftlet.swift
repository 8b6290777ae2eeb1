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
      Ends with status 0, boot with the one that the guest's workload leaves, if any; or with:

      \(ExitStatus.ours.map { "\($0.code)  \($0.meaning)" }.joined(separator: "\n"))
      128+n  ended by signal n
      """,
    version: "swiftlet 0.1",
    subcommands: [
      Boot.self, Run.self, Exec.self, PS.self, Logs.self, Stop.self, Kill.self, Inspect.self,
      ImagesCommand.self, BenchCommand.self, Doctor.self,
    ])
}

@main
enum Program {
  /// Nanoseconds of CLOCK_MONOTONIC at which the command began.
  static let startedAt = Clock.monotonicNanoseconds()

  /// Whether standard output was open when the command began; later it is /dev/null where it was not.
  static let hasOutput = fcntl(STDOUT_FILENO, F_GETFD) >= 0

  static func main() {
    _ = startedAt
    _ = hasOutput
    fillStandardDescriptors()
    Signal.ignoreFileSizeLimit()
    Signal.heedChildren()
    do {
      var command = try Swiftlet.parseAsRoot(ArgumentText.commandLine())
      try command.run()
    } catch let diagnostic as Diagnostic {
      fail(diagnostic)
    } catch {
      // Help, the version and the completion script are "errors" with status 0.
      guard Swiftlet.exitCode(for: error) != .success else { show(Swiftlet.fullMessage(for: error)) }
      var message = Swiftlet.message(for: error).split(separator: "\n").joined(separator: " ")
      if message.last == "." { message.removeLast() }
      let diagnostic = Diagnostic(.usage, message, which: "", mend: "see \(helpCommand)")
      guard !["run", "exec"].contains(CommandLine.arguments.dropFirst().first) else {
        warn("\(diagnostic)")
        end(RunStatus.ownFailure)
      }
      fail(diagnostic)
    }
  }

  /// What tells about the command that was typed.
  private static var helpCommand: String {
    let typed = CommandLine.arguments.dropFirst().first
    let names = Swiftlet.configuration.subcommands.map { $0._commandName }
    return (["swiftlet"] + names.filter { $0 == typed } + ["--help"]).joined(separator: " ")
  }

  private static func show(_ text: String) -> Never {
    do throws(Diagnostic) { try Output.write(text + "\n") } catch { fail(error) }
    exit(0)
  }

  static func end(_ status: Int32) -> Never { exit(status) }

  /// Says it on one line of standard error and ends.
  static func fail(_ diagnostic: Diagnostic) -> Never {
    warn("\(diagnostic)")
    exit(diagnostic.status.code)
  }

  /// Says it on one line of standard error.
  static func warn(_ text: String) {
    standardError("swiftlet: \(Diagnostic.printable(text))\n")
  }
}
