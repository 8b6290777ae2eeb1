import CLinux
import Glibc

extension FileDescriptor {
  /// Creates an empty file that lives in memory as long as a descriptor for it does (memfd_create(2)). It is
  /// closed by exec unless `inherited`; `name` shows in /proc only.
  public init(memoryFile name: String, inherited: Bool = false) throws(SystemError) {
    let flags = inherited ? 0 : UInt32(CLINUX_MFD_CLOEXEC)
    self.init(owning: Int32(try checked(clinux_memfd_create(name, flags), "memfd_create", name)))
  }
}

/// Becomes another program: same process, same terminal, descriptors that are not close-on-exec stay.
/// Returns only by throwing.
public func replaceProcess(
  with path: String, arguments: [String]
) throws(SystemError) -> Never {
  let words = ProgramWords([path] + arguments)
  execve(path, words.pointers, environ)
  let code = errno
  words.free()
  throw SystemError(call: "execve", operand: path, code: code)
}
