import CLinux
import Glibc

/// Stream sockets in the file system (unix(7)). None of them waits.
public enum UnixSocket {
  /// The longest path, in bytes, without the terminating zero.
  public static let pathLimit = 107

  /// A socket at `path` that connections are accepted from, readable when there is one.
  /// - Throws: EADDRINUSE where the path exists, ENAMETOOLONG above ``pathLimit``.
  public static func listening(at path: String, backlog: Int32 = 64) throws(SystemError) -> FileDescriptor {
    let socket = try make(SOCK_STREAM)
    try withAddress(path, "bind") { Glibc.bind(socket.raw, $0, $1) }
    _ = try checking("listen", path) { Int(listen(socket.raw, backlog)) }
    return socket
  }

  /// A connection to who listens at `path`.
  /// - Throws: ENOENT or ECONNREFUSED where nobody does, EAGAIN where too many wait to be accepted.
  public static func connected(to path: String) throws(SystemError) -> FileDescriptor {
    let socket = try make(SOCK_STREAM)
    try withAddress(path, "connect") { Glibc.connect(socket.raw, $0, $1) }
    return socket
  }

  /// The numbers of two stream sockets that are joined, for the caller to own. Both wait.
  public static func pair() throws(SystemError) -> (Int32, Int32) {
    var ends: [Int32] = [0, 0]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    _ = try checking("socketpair") { Int(socketpair(AF_UNIX, kind, 0, &ends)) }
    return (ends[0], ends[1])
  }

  /// The next connection that waits; nil if there is none.
  public static func accept(from listener: borrowing FileDescriptor) throws(SystemError) -> FileDescriptor? {
    do throws(SystemError) {
      let flags = Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
      return FileDescriptor(
        owning: Int32(try checked(clinux_accept(listener.raw, flags), "accept4")))
    } catch {
      // A client may have gone before it was accepted.
      if error.code == EAGAIN || error.code == ECONNABORTED || error.code == EINTR { return nil }
      throw error
    }
  }

  /// Says that nothing will be written any more, nor read where `reading`.
  public static func finish(_ socket: borrowing FileDescriptor, reading: Bool) {
    _ = shutdown(socket.raw, Int32(reading ? SHUT_RDWR : SHUT_WR))
  }

  /// Whether there is nothing to read from `socket` and never will be.
  public static func isExhausted(_ socket: borrowing FileDescriptor) -> Bool {
    var byte: UInt8 = 0
    let count = recv(socket.raw, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)
  }

  /// Whether no living process has the socket at `path`. Those that have it do not notice the question: a datagram
  /// cannot be sent there, which is said only where there is somebody.
  static func isAbandoned(_ path: String) -> Bool {
    do throws(SystemError) {
      let socket = try make(SOCK_DGRAM)
      try withAddress(path, "connect") { Glibc.connect(socket.raw, $0, $1) }
    } catch { return error.code == ECONNREFUSED }
    return false
  }

  private static func make(_ kind: __socket_type) throws(SystemError) -> FileDescriptor {
    let kind = Int32(kind.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    return FileDescriptor(owning: Int32(try checking("socket", "AF_UNIX") { Int(socket(AF_UNIX, kind, 0)) }))
  }

  private static func withAddress(
    _ path: String, _ call: StaticString, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws(SystemError) {
    let bytes = Array(path.utf8)
    guard bytes.count <= pathLimit, !bytes.contains(0) else {
      throw SystemError(call: "\(call)", operand: path, code: ENAMETOOLONG)
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    _ = try checking(call, path) {
      withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Int(body($0, socklen_t(MemoryLayout<sockaddr_un>.size)))
        }
      }
    }
  }
}
