import AgentProtocol
import Configuration
import Glibc
import KernelImages
import LinuxSystem

/// The file that a program reads to know how a run ended: empty until it has.
final class RunReport {
  private let file: FileDescriptor
  private let path: String

  var descriptor: Int32 { file.raw }

  /// - Returns: nil where none is wanted.
  /// - Throws: what keeps it from being written, before there is anything to tell.
  init?(_ path: String?) throws(Diagnostic) {
    guard let path else { return nil }
    do throws(SystemError) {
      file = try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o666)
    } catch { throw RunReport.refusal(path, error) }
    self.path = path
  }

  func write(_ result: RunResult) throws(Diagnostic) {
    let text = result.report(since: Program.startedAt).json
    do throws(SystemError) { try file.writeAll(Array(text.utf8)) } catch {
      throw RunReport.refusal(path, error)
    }
  }

  private static func refusal(_ path: String, _ error: SystemError) -> Diagnostic {
    Diagnostic(.inputOutput, "cannot write the result", which: path, mend: error.reason)
  }
}

extension RunResult {
  /// Of what never came to be a machine.
  init(_ diagnostic: Diagnostic) {
    self.init(status: RunStatus.ownFailure, complaint: "\(diagnostic)")
    endedAt = Clock.monotonicNanoseconds()
  }

  /// - Parameter start: when the command began, in nanoseconds of CLOCK_MONOTONIC.
  fileprivate func report(since start: UInt64) -> Report {
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
    return report
  }
}
