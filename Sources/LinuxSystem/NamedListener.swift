import CLinux
import Glibc

/// A socket in the file system that connections are accepted from; its name is removed at the end.
///
/// Several processes may want one name at the same time, after a process that held it was killed. Who takes a name
/// holds a lock on its directory meanwhile, so that none takes what another has just made for left behind.
public struct NamedListener: ~Copyable, Sendable {
  public let descriptor: FileDescriptor
  private let path: String
  private let identity: FileStatus.Identity

  /// Takes `path`, which nothing may have but a socket that is left of a process that is gone.
  /// - Throws: EADDRINUSE where a living process has it, EEXIST where something else is there.
  public init(path: String) throws(SystemError) {
    let lock = NamedListener.lockFolder(of: path)
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

  /// The descriptor that has the lock; nil where it cannot be had within a second, or the directory not be read.
  private static func lockFolder(of path: String) -> FileDescriptor? {
    let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? "."
    guard let folder = try? FileDescriptor(opening: name, O_RDONLY | O_DIRECTORY) else { return nil }
    for _ in 0..<1000 {
      if flock(folder.raw, LOCK_EX | LOCK_NB) == 0 { return folder }
      guard errno == EWOULDBLOCK || errno == EINTR else { return nil }
      usleep(1000)
    }
    return nil
  }
}
