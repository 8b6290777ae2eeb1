import CLinux
import Glibc

/// Another program that does a piece of work while this one waits.
public enum HelperProgram {
  /// Runs the program at `path` in a folder, with nothing to read, to its end; the kernel kills it when this process ends.
  /// Where it is shown, what it prints comes on standard error; otherwise the end of what it says of errors is returned.
  /// - Returns: its exit status, 128 + n where signal n ended it.
  public static func run(
    _ path: String, arguments: [String], in folder: String, isShown: Bool
  ) throws(SystemError) -> (status: Int32, errors: String) {
    let errors = try FileDescriptor(memoryFile: "errors")
    // Numbers: the new process has no use of owners, which would end before what is done with them.
    let null = try FileDescriptor(opening: "/dev/null", O_RDWR).release()
    defer { close(null) }
    let place = try FileDescriptor(namingDirectory: folder).release()
    defer { close(place) }
    let command = ProgramWords([path] + arguments)
    defer { command.free() }
    guard let process = try ForkedProcess.fork() else {
      let words = isShown ? STDERR_FILENO : errors.raw
      let output = isShown ? STDERR_FILENO : null
      if fchdir(place) == 0, dup2(null, 0) == 0, dup2(output, 1) == 1, dup2(words, 2) == 2 {
        _ = execve(path, command.pointers, environ)
      }
      let failure: StaticString = "it cannot be executed\n"
      _ = write(isShown ? STDERR_FILENO : errors.raw, failure.utf8Start, failure.utf8CodeUnitCount)
      _exit(127)
    }
    let end = process.wait()
    let size = try errors.status().size
    let count = min(size, 4096)
    let text = String(decoding: try errors.bytes(count: Int(count), at: size - count), as: UTF8.self)
    return switch end {
    case .exited(let status): (status, text)
    case .killed(let signal): (128 + signal, text)
    }
  }
}
