import CLinux
import Glibc

/// The filter of a thread's system calls (seccomp(2)).
public enum CallFilter {
  /// Whether the host's kernel has filters.
  public static var isAvailable: Bool {
    // A kernel that knows the call finds that there is no program at this address, or first that the caller may not.
    let nowhere = UnsafeRawPointer(bitPattern: 1)
    return [-Int(EFAULT), -Int(EACCES)].contains(clinux_install_filter(nowhere, 1))
  }

  /// Gives the calling thread, which must have refused new privileges, a filter for good.
  /// - Parameter instructions: each a struct sock_filter.
  public static func install(_ instructions: [UInt64]) throws(SystemError) {
    guard let count = UInt16(exactly: instructions.count) else {
      throw SystemError(call: "seccomp", operand: "\(instructions.count) instructions", code: E2BIG)
    }
    _ = try checked(
      instructions.withUnsafeBufferPointer { clinux_install_filter($0.baseAddress, count) }, "seccomp")
  }

  /// Written once, before the first filter; read in the handler.
  nonisolated(unsafe) private static var answer: (@convention(c) (Int32, UInt16) -> Void)?

  /// Has `answer` called on a thread whose call was trapped: with the call's number and the filter's data. It may do
  /// only what signal-safety(7) allows, and what the thread's filter does.
  public static func onTrap(_ answer: @convention(c) (Int32, UInt16) -> Void) {
    self.answer = answer
    // What is made at its first use is made now, and not in the handler.
    RawTerminal.restoreAfterFault()
    var action = sigaction()
    action.__sigaction_handler.sa_sigaction = { signal, info, _ in
      RawTerminal.restoreAfterFault()
      if let info, let answer = CallFilter.answer {
        answer(clinux_blocked_call(info), UInt16(truncatingIfNeeded: clinux_filter_data(info)))
      }
      _exit(128 + signal)
    }
    action.sa_flags = SA_SIGINFO
    sigaction(SIGSYS, &action, nil)
  }
}
