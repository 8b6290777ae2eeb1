import CLinux
import Glibc

extension FileDescriptor {
  /// Takes the lock on a file or folder that one open file description can have (flock(2)); it ends with that.
  /// - Returns: false where another has it, and `waiting` is not wanted.
  public func takeTurn(waiting: Bool) throws(SystemError) -> Bool {
    try lock(waiting ? LOCK_EX : LOCK_EX | LOCK_NB)
  }

  /// Whether nobody has the lock of ``takeTurn(waiting:)``. Those who ask do not keep each other from the answer, and
  /// who wants the lock meanwhile has to wait for a moment.
  public func isFree() throws(SystemError) -> Bool {
    guard try lock(LOCK_SH | LOCK_NB) else { return false }
    return try lock(LOCK_UN)
  }

  private func lock(_ operation: Int32) throws(SystemError) -> Bool {
    do throws(SystemError) {
      _ = try retrying("flock") { Int(flock(raw, operation)) }
      return true
    } catch {
      if error.code == EWOULDBLOCK { return false }
      throw error
    }
  }
}
