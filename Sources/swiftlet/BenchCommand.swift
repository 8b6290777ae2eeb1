import ArgumentParser
import Configuration
import Glibc
import LinuxSystem

/// What measures is a program of its own, so that what starts machines stays small: this one becomes it.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure boots, starts and devices, beside containers, other monitors and the host.",
    discussion: """
      `swiftlet bench boot` says where the time of a boot goes, `compare` starts the same program in other ways, `density` \
      says how many idle machines fit, `start-rate` how many start in a second, `io` what devices cost, `exits` what leaving \
      the guest costs, and `diff` what differs between two results. `swiftlet bench --help` tells more.
      """)

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp("A benchmark and its options.", valueName: "argument"))
  var arguments: [String] = []

  func run() throws {
    let program = try Installation.helper("swiftlet-bench", "the benchmarks")
    let failure: SystemError
    do throws(SystemError) { try replaceProcess(with: program, arguments: arguments) } catch {
      failure = error
    }
    throw Diagnostic(
      .monitorError, "cannot start the benchmarks", which: program, mend: "\(failure.call): \(failure.reason)"
    )
  }
}
