import CLinux
import Glibc

extension FileDescriptor {
  /// Takes the lock on a file or folder that one open file description can have (flock(2)); it ends with that.
  /// - Returns: false where another has it, and `waiting` is not wanted.
  public func takeTurn(waiting: Bool) throws(SystemError) -> Bool {
    do throws(SystemError) {
      _ = try retrying("flock") { Int(flock(raw, waiting ? LOCK_EX : LOCK_EX | LOCK_NB)) }
      return true
    } catch {
      if error.code == EWOULDBLOCK { return false }
      throw error
    }
  }
}
