import ArgumentParser
import Bench
import Configuration
import Glibc
import LinuxSystem

/// What `swiftlet bench` becomes.
struct SwiftletBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "swiftlet bench",
    abstract: "Measure boots, starts and devices, beside containers, other monitors and the host.",
    discussion: """
      Times are from before a process is made until it has been waited for, by one clock. Programs take turns, the first \
      runs are not counted, and what is told are medians. docs/BENCHMARKING.md says what is measured and how.

      Ends with status 0; diff with \(Differing.worseStatus) where something got slower or was lost; boot, where a boot fails, with \
      that boot's status; else with:

      \([ExitStatus.usage, .badInput, .noInput, .inputOutput, .monitorError].map { "\($0.code)  \($0.meaning)" }
        .joined(separator: "\n"))
      128+n  ended by signal n
      """,
    subcommands: [
      BootBench.self, CompareBench.self, DensityBench.self, StartRateBench.self, IoBench.self,
      ExitsBench.self, Differing.self,
    ])
}

@main
enum Entry {
  static func main() {
    fillStandardDescriptors()
    // Who reads the table may have enough of it: files are written all the same.
    Signal.ignoreFailedWrites()
    do {
      var command = try SwiftletBench.parseAsRoot()
      try command.run()
    } catch let diagnostic as Diagnostic {
      fail("\(diagnostic)", diagnostic.status.code)
    } catch let failure as Failure {
      if let signal = failure.signal { exit(128 + signal) }
      fail(failure.description, ExitStatus.monitorError.code)
    } catch let status as EndingStatus {
      exit(status.code)
    } catch {
      guard SwiftletBench.exitCode(for: error) != .success else {
        print(SwiftletBench.fullMessage(for: error))
        exit(0)
      }
      var message = SwiftletBench.message(for: error).split(separator: "\n").joined(separator: " ")
      if message.last == "." { message.removeLast() }
      fail("\(message): see swiftlet bench --help", ExitStatus.usage.code)
    }
  }

  private static func fail(_ text: String, _ status: Int32) -> Never {
    standardError("swiftlet: \(Diagnostic.printable(text))\n")
    exit(status)
  }
}

/// Ends the program with a status, all being said.
struct EndingStatus: Error { let code: Int32 }
