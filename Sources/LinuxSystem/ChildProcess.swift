import Glibc

/// A program that was started and has not been waited for.
///
/// It takes all signals, but none from the keys of a terminal: those are for this process, whose end is its own.
public struct ChildProcess: ~Copyable {
  private let process: ForkedProcess
  /// Where its standard error comes out.
  private let errors: FileDescriptor

  /// The number under which the child finds the descriptor it is lent.
  public static let lentDescriptor: Int32 = 3

  /// Starts the program at `path` with nothing to read, its standard output dropped, and `lent` as its descriptor
  /// ``lentDescriptor``.
  public init(
    _ path: String, arguments: [String], lending lent: borrowing FileDescriptor
  ) throws(SystemError) {
    let null = try FileDescriptor(opening: "/dev/null", O_RDWR).release()
    defer { close(null) }
    let ends = try UnixSocket.pair()
    let reader = FileDescriptor(owning: ends.0)
    let writer = ends.1
    defer { close(writer) }
    process = try ForkedProcess.start(
      path, arguments: arguments, files: [null, null, writer, lent.raw], mask: .none)
    errors = consume reader
  }

  /// Waits until the program itself has ended; one that goes on in the background has closed its standard error then.
  /// - Parameter limit: milliseconds after which it is killed.
  /// - Returns: whether it ended well, and the first bytes of what it wrote to standard error.
  public consuming func finish(within limit: Int32) -> (isSuccess: Bool, errors: String) {
    var text: [UInt8] = []
    let deadline = Clock.monotonicNanoseconds() + UInt64(limit) * 1_000_000
    while text.count < 1 << 16 {
      let now = Clock.monotonicNanoseconds()
      var entry = pollfd(fd: errors.raw, events: Int16(POLLIN), revents: 0)
      let patience = now < deadline ? Int32((deadline - now) / 1_000_000) + 1 : 0
      let count = try? retrying("poll", "") { Int(poll(&entry, 1, patience)) }
      guard count == 1 else {
        process.send(SIGKILL)
        break
      }
      guard let part = try? errors.read(upTo: 4096), !part.isEmpty else { break }
      text += part
    }
    return (process.wait() == .exited(0), String(decoding: text, as: UTF8.self))
  }
}
