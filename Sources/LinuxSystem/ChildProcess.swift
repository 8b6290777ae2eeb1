import CLinux
import Glibc

/// A program that was started and has not been waited for.
public struct ChildProcess: ~Copyable {
  private let identifier: pid_t
  /// Where its standard error comes out.
  private let errors: FileDescriptor

  /// The number under which the child finds the descriptor it is lent.
  public static let lentDescriptor: Int32 = 3

  /// Starts the program at `path` with nothing to read, its standard output dropped, and `lent` as its descriptor
  /// ``lentDescriptor``.
  public init(
    _ path: String, arguments: [String], lending lent: borrowing FileDescriptor
  ) throws(SystemError) {
    let ends = try UnixSocket.pair()
    let reader = FileDescriptor(owning: ends.0)
    let writer = ends.1
    defer { close(writer) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    // In this order: the writer may have the number that `lent` gets.
    posix_spawn_file_actions_adddup2(&actions, writer, 2)
    posix_spawn_file_actions_adddup2(&actions, lent.raw, ChildProcess.lentDescriptor)
    let words = ProgramWords([path] + arguments)
    defer { words.free() }
    var child = pid_t()
    let code = posix_spawn(&child, path, &actions, nil, words.pointers, environ)
    guard code == 0 else { throw SystemError(call: "posix_spawn", operand: path, code: code) }
    identifier = child
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
        kill(identifier, SIGKILL)
        break
      }
      guard let part = try? errors.read(upTo: 4096), !part.isEmpty else { break }
      text += part
    }
    var status: Int32 = 0
    _ = try? retrying("waitpid", "") { Int(waitpid(identifier, &status, 0)) }
    return (status == 0, String(decoding: text, as: UTF8.self))
  }
}
