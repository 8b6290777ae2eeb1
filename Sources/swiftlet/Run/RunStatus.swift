import AgentProtocol
import Configuration
import Glibc
import LinuxSystem

/// The statuses that `run` ends with where they are not the program's: Docker's, and that of timeout(1).
enum RunStatus {
  static let timeLimit: Int32 = 124
  static let ownFailure: Int32 = 125
  static let cannotExecute: Int32 = 126
  static let notFound: Int32 = 127

  /// What to tell of a session that has ended.
  /// - Parameters:
  ///   - loss: what could not be written of the program's output, and why.
  ///   - lost: what to tell where the connection ended before the program.
  static func explain(
    _ end: SessionEnd, loss: String?, of request: RunRequest,
    lost: @autoclosure () -> (status: Int32, complaint: String?)
  ) -> (status: Int32, complaint: String?) {
    switch end {
    case .ended(let ending): (loss != nil && ending.status == 0 ? ownFailure : ending.status, loss)
    case .stopped(let signal): (128 + signal, nil)
    case .failed(let failure): explain(failure, of: request)
    case .violation(let violation): (ownFailure, "the guest broke the protocol: \(violation)")
    case .lost: lost()
    }
  }

  /// What to tell of a program that could not be run.
  private static func explain(
    _ failure: Failure, of request: RunRequest
  ) -> (status: Int32, complaint: String?) {
    let command = request.entrypoint ?? request.command.first ?? "the image's command"
    let reason = SystemError(call: "", code: Int32(failure.code)).reason
    switch failure.step {
    case .execution where Int32(failure.code) == ENOENT:
      let name = command.isEmpty ? "''" : command
      return (notFound, "command not found: \(name): check its name, or the image's PATH")
    case .execution: return (cannotExecute, "cannot execute the command: \(command): \(reason)")
    case .directory:
      return (cannotExecute, "no such working directory: \(request.directory ?? "the image's"): \(reason)")
    case .user:
      let user = request.user ?? "the image's"
      return (ownFailure, "unknown user: \(user): give a number, or a name of the image's /etc/passwd")
    case .group:
      let user = request.user ?? "the image's"
      return (ownFailure, "unknown group: \(user): give a number, or a name of the image's /etc/group")
    case .root: return (ownFailure, "the guest cannot mount the image: \(request.image): \(reason)")
    case .mount:
      let mounts = request.setup.mounts
      let target = Int(failure.detail) < mounts.count ? mounts[Int(failure.detail)].target : ""
      return (ownFailure, "the guest cannot mount: \(target): \(reason)")
    case .limit: return (ownFailure, "the guest cannot set a limit: resource \(failure.detail): \(reason)")
    case .resources where Int32(failure.code) == EAGAIN:
      return (
        ownFailure, "the machine takes no further programs: exec has 15 at a time, as far as memory goes"
      )
    case .resources: return (ownFailure, "the guest cannot start a program: \(reason)")
    case .request: return (ownFailure, "the guest's agent does not understand swiftlet: run make guests")
    }
  }

  /// What to tell of a machine that ended before its program.
  static func explain(_ monitor: MonitorProcess.End, isHeard: Bool) -> (status: Int32, complaint: String?) {
    let isLate = monitor.end == .exited(ExitStatus.timeLimit.code)
    let status = isLate ? timeLimit : ownFailure
    if isHeard, case .exited(let code) = monitor.end, code != 0 { return (status, nil) }
    let lines = monitor.words.split(separator: "\n")
    if let last = lines.last {
      let prefix = "swiftlet: "
      return (status, String(last.hasPrefix(prefix) ? last.dropFirst(prefix.count) : last))
    }
    switch monitor.end {
    case .killed where monitor.isForced:
      return (status, "the connection with the machine was lost, and it did not end by itself")
    case .killed(let signal):
      let hint = signal == SIGKILL ? ": by hand, or for want of memory on the host or in a control group" : ""
      return (status, "the machine is gone: signal \(signal) ended its monitor\(hint)")
    case .exited(0): return (status, "the machine switched itself off before its program ended")
    case .exited(let code): return (status, "the monitor ended with status \(code) and says nothing")
    }
  }
}
