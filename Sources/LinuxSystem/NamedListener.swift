import CLinux
import Glibc

/// A socket in the file system that connections are accepted from; its name is removed at the end.
///
/// Several processes may want one name at the same time, after a process that held it was killed. Who takes a name
/// holds a lock beside it meanwhile, so that none takes what another has just made for left behind.
public struct NamedListener: ~Copyable, Sendable {
  public let descriptor: FileDescriptor
  private let path: String
  private let identity: FileStatus.Identity

  /// Takes `path`, which nothing may have but a socket that is left of a process that is gone.
  /// - Throws: EADDRINUSE where a living process has it, EEXIST where something else is there.
  public init(path: String) throws(SystemError) {
    let lock = NameLock(of: path)
    let descriptor: FileDescriptor
    do throws(SystemError) { descriptor = try UnixSocket.listening(at: path) } catch {
      guard error.code == EADDRINUSE, lock != nil else { throw error }
      descriptor = try NamedListener.replace(path)
    }
    guard let identity = NamedListener.socket(at: path) else {
      throw SystemError(call: "bind", operand: path, code: EADDRINUSE)
    }
    self.descriptor = descriptor
    self.path = path
    self.identity = identity
    _ = consume lock
  }

  deinit {
    // The number of our file cannot be another's while the socket is open.
    if NamedListener.socket(at: path) == identity { unlink(path) }
  }

  private static func replace(_ path: String) throws(SystemError) -> FileDescriptor {
    guard socket(at: path) != nil else { throw SystemError(call: "bind", operand: path, code: EEXIST) }
    guard UnixSocket.isAbandoned(path) else {
      throw SystemError(call: "bind", operand: path, code: EADDRINUSE)
    }
    unlink(path)
    return try UnixSocket.listening(at: path)
  }

  /// The socket's file at `path`; nil where there is none, or something else.
  private static func socket(at path: String) -> FileStatus.Identity? {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return nil }
    return .init(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
  }
}

/// The right to take a name in the file system: a file beside it that is locked. Only its owner can open that, so that
/// who can merely read the directory cannot hold anybody up. It is there as long as it is needed; one that is left of
/// a process that was killed is used, and removed, by the next.
private struct NameLock: ~Copyable {
  private let path: String
  private let file: FileDescriptor

  /// - Returns: nil where it cannot be had within a second, or the directory not be written to.
  init?(of name: String) {
    let path = name + ".swiftlet-lock"
    guard let file = NameLock.locked(path) else { return nil }
    self.path = path
    self.file = file
  }

  private static func locked(_ path: String) -> FileDescriptor? {
    for _ in 0..<1000 {
      guard let file = try? FileDescriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW) else { return nil }
      if flock(file.raw, LOCK_EX | LOCK_NB) == 0 {
        // Who had it before may have removed it since it was opened: then it is nobody's any more.
        if isAt(path, file) { return file }
      } else {
        guard errno == EWOULDBLOCK || errno == EINTR else { return nil }
        usleep(1000)
      }
    }
    return nil
  }

  deinit { unlink(path) }

  private static func isAt(_ path: String, _ file: borrowing FileDescriptor) -> Bool {
    var (named, opened) = (stat(), stat())
    return lstat(path, &named) == 0 && fstat(file.raw, &opened) == 0 && named.st_ino == opened.st_ino
      && named.st_dev == opened.st_dev
  }
}
