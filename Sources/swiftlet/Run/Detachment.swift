import Configuration
import Glibc
import LinuxSystem

/// A machine that runs on by itself, in a process that is its supervisor.
enum Detachment {
  /// Starts it, and waits until its program is there.
  /// - Returns: 0 with the machine's name printed, or the status of what did not begin.
  static func run(_ request: RunRequest) throws(Diagnostic) -> Int32 {
    let news: FileDescriptor
    let supervisor: ForkedProcess
    do throws(SystemError) {
      let ends = try UnixSocket.pair()
      let ours = FileDescriptor(owning: ends.0)
      let theirs = ends.1
      guard let process = try ForkedProcess.detach(keeping: theirs, endingWithParent: RunSession.powerLoss) else {
        supervise(request, telling: theirs)
      }
      close(theirs)
      supervisor = process
      news = ours
    } catch {
      throw Diagnostic(.hostResource, "cannot start a supervisor", which: "", mend: "\(error)")
    }
    // All of it comes at once, or nothing does.
    let name = (try? news.contents(limit: 4096)) ?? []
    guard !name.isEmpty else {
      if case .exited(let status) = supervisor.wait() { return status }
      return RunStatus.ownFailure
    }
    try Output.write(String(decoding: name, as: UTF8.self) + "\n")
    return 0
  }

  /// In the supervisor: what goes wrong before the program is there is told on the standard error that it was started
  /// with, which it gives up then; and it ends where the one that waits for it does.
  private static func supervise(_ request: RunRequest, telling news: Int32) -> Never {
    var status = RunStatus.ownFailure
    do throws(Diagnostic) {
      status = try Run.run(request, request.resolveImage()) { name in
        if let null = try? FileDescriptor(opening: "/dev/null", O_WRONLY) { dup2(null.raw, STDERR_FILENO) }
        ForkedProcess.outliveParent()
        let bytes = Array(name.utf8)
        // Nobody knows of a machine that could not be told of.
        if write(news, bytes, bytes.count) != bytes.count { kill(getpid(), RunSession.powerLoss) }
        close(news)
      }
    } catch { Program.warn("\(error)") }
    Program.end(status)
  }
}
