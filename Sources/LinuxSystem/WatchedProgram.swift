import CLinux
import Glibc

/// A program in a process group of its own, which the kernel kills when this process ends.
public struct WatchedProgram: ~Copyable {
  public let identifier: Int32
  /// Readable when the program has ended.
  public let descriptor: FileDescriptor
  private let process: ForkedProcess

  /// Starts the program at `path`, with /dev/null to read from; the kernel kills it also when the calling thread ends.
  /// - Parameters:
  ///   - output: its standard output; /dev/null where nil.
  ///   - errors: its standard error.
  ///   - mask: the signals that it does not take at first.
  /// - Throws: also where it cannot be executed.
  public init(
    _ path: String, arguments: [String], output: Int32?, errors: Int32, mask: SignalMask
  ) throws(SystemError) {
    let null = try FileDescriptor(opening: "/dev/null", O_RDWR).release()
    defer { close(null) }
    // What the kernel tells of its memory begins with what this process had, whose memory it shares until then.
    if let file = try? FileDescriptor(opening: "/proc/self/clear_refs", O_WRONLY) {
      try? file.writeAll(Array("5".utf8))
    }
    let process = try ForkedProcess.start(
      path, arguments: arguments, files: [null, output ?? null, errors], mask: mask)
    let number = clinux_pidfd_open(process.identifier)
    guard number >= 0 else {
      process.send(SIGKILL)
      _ = process.wait()
      throw SystemError(call: "pidfd_open", code: Int32(-number))
    }
    self.process = process
    identifier = process.identifier
    descriptor = FileDescriptor(owning: Int32(number))
  }

  public func send(_ signal: Int32) { process.send(signal) }

  /// Waits until the program has ended.
  /// - Returns: how, and the most memory it had, in bytes (wait4(2), ru_maxrss).
  public consuming func wait() -> (end: ForkedProcess.End, peakMemory: UInt64) {
    var usage = rusage()
    let end = process.wait(&usage)
    return (end, UInt64(max(usage.ru_maxrss, 0)) << 10)
  }
}
