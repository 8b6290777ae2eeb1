import CLinux
import Glibc

/// A process that outlives this one to bring its raw terminal back where it was killed, and could not do it itself.
struct TerminalGuard {
  private let process: ForkedProcess

  /// Splits the process, which may have one thread only.
  /// - Parameters:
  ///   - descriptor: the terminal.
  ///   - restore: called in the new process when this one has ended.
  /// - Returns: nil where there can be none.
  init?(of descriptor: Int32, restore: () -> Void) {
    guard let guarded = ParentProcess(watching: getpid()) else { return nil }
    let identifier = clinux_fork(0)
    if identifier == 0 {
      // What ends others by a key, or all of this one's group, is not to end it; and it may set a terminal that others use.
      SignalMask.all.apply()
      setpgid(0, 0)
      // Nobody who waits for the end of what this one has open waits for it.
      for number in Int32(0)..<3 where number != descriptor { close(number) }
      closeDescriptors(except: [descriptor, guarded.descriptor.raw])
      var entries = [PollEntry(guarded.descriptor.raw, reading: true)]
      if (try? PollEntry.wait(&entries)) != nil { restore() }
      _exit(0)
    }
    guard identifier > 0 else { return nil }
    process = ForkedProcess(identifier: Int32(identifier))
  }

  /// Ends it, where this process has brought the terminal back.
  func end() {
    process.send(SIGKILL)
    _ = process.wait()
  }
}
