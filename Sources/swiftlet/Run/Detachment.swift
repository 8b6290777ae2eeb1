import Configuration
import Glibc
import LinuxSystem

/// A machine that runs on by itself, in a process that is its supervisor.
enum Detachment {
  /// Splits off the supervisor, where it returns. The process that was started ends when the program is there, with the
  /// machine's name printed, or else with the supervisor's status. What goes wrong before is told on its standard
  /// error, which the supervisor gives up then; and until then the supervisor ends with it.
  /// - Parameter kept: descriptors that the supervisor keeps, beside which it has none of those that were open.
  /// - Returns: what is to be called with the machine's name when the program is there.
  static func begin(keeping kept: [Int32]) throws(Diagnostic) -> (String) -> Void {
    do throws(SystemError) {
      let (ours, theirs) = try UnixSocket.pair()
      let process = try ForkedProcess.detach(keeping: kept + [theirs], endingWithParent: RunSession.powerLoss)
      guard let process else { return { name in tell(name, theirs) } }
      close(theirs)
      Program.end(try wait(for: process, news: FileDescriptor(owning: ours)))
    } catch {
      throw Diagnostic(.hostResource, "cannot start a supervisor", which: "", mend: "\(error)")
    }
  }

  private static func wait(for supervisor: ForkedProcess, news: consuming FileDescriptor) throws(SystemError)
    -> Int32
  {
    // All of it comes at once, or nothing does.
    let name = try news.contents(limit: 4096)
    guard !name.isEmpty else {
      switch supervisor.wait() {
      case .exited(let status): return status
      case .killed(let signal): Program.warn("signal \(signal) ended the machine's supervisor")
      }
      return RunStatus.ownFailure
    }
    do throws(Diagnostic) { try Output.write(String(decoding: name, as: UTF8.self) + "\n") } catch {
      Program.warn("\(error)")
      return RunStatus.ownFailure
    }
    return 0
  }

  private static func tell(_ name: String, _ news: Int32) {
    if let null = try? FileDescriptor(opening: "/dev/null", O_WRONLY) { dup2(null.raw, STDERR_FILENO) }
    ForkedProcess.outliveParent()
    let bytes = Array(name.utf8)
    // Nobody knows of a machine that could not be told of.
    if write(news, bytes, bytes.count) != bytes.count { kill(getpid(), RunSession.powerLoss) }
    close(news)
  }
}
