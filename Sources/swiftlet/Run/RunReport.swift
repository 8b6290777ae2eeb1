import AgentProtocol
import Configuration
import Glibc
import KernelImages
import LinuxSystem

extension RunResult {
  /// Writes what a program may want to know of a run, as a JSON object.
  /// - Parameter start: when the command began, in nanoseconds of CLOCK_MONOTONIC.
  func write(to path: String, since start: UInt64) throws(Diagnostic) {
    var report = Report()
    report.add("status", .number(UInt64(status)))
    switch ending {
    case .exited: report.add("ended", .text("exited"))
    case .killed: report.add("ended", .text("killed"))
    case nil: report.add("ended", .text("failed"))
    }
    if case .killed(let signal) = ending { report.add("signal", .number(UInt64(signal))) }
    if let complaint { report.add("complaint", .text(complaint)) }
    let boot = programStartedAt.map { $0 &- start }
    let program = programStartedAt.flatMap { started in programEndedAt.map { $0 &- started } }
    report.add("bootNanoseconds", boot.map { .number($0) } ?? .unknown)
    report.add("programNanoseconds", program.map { .number($0) } ?? .unknown)
    report.add("totalNanoseconds", .number(endedAt &- start))
    report.add("peakMemoryBytes", .number(peakMemory))
    do throws(SystemError) {
      try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o666).writeAll(
        Array(report.json.utf8))
    } catch {
      throw Diagnostic(.inputOutput, "cannot write the result", which: path, mend: error.reason)
    }
  }
}
