import CLinux
import Glibc

/// Another program that does a piece of work while this one waits.
public enum HelperProgram {
  /// Runs the program at `path`, with nothing to read, to its end. Where it is shown, what it prints comes on standard
  /// error; otherwise the end of what it says of errors is returned.
  /// - Returns: its exit status, 128 + n where signal n ended it.
  public static func run(
    _ path: String, arguments: [String], isShown: Bool
  ) throws(SystemError) -> (status: Int32, errors: String) {
    let errors = try FileDescriptor(memoryFile: "errors")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    if isShown {
      posix_spawn_file_actions_adddup2(&actions, 2, 1)
    } else {
      posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
      posix_spawn_file_actions_adddup2(&actions, errors.raw, 2)
    }
    var pointers: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var child = pid_t()
    let code = posix_spawn(&child, path, &actions, nil, pointers, environ)
    guard code == 0 else { throw SystemError(call: "posix_spawn", operand: path, code: code) }
    var status: Int32 = 0
    _ = try retrying("waitpid") { Int(waitpid(child, &status, 0)) }
    let size = try errors.status().size
    let count = min(size, 4096)
    let text = try errors.bytes(count: Int(count), at: size - count)
    let signal = status & 0x7f
    return (signal == 0 ? status >> 8 & 0xff : 128 + signal, String(decoding: text, as: UTF8.self))
  }
}
