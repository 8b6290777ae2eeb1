package import CLinux
import Glibc

/// A terminal, pipe, file or socket that somebody else gave, read and written without waiting for it.
///
/// O_NONBLOCK is never set on what was given: it would hold for everyone else who has the open file description, the
/// user's shell among them, and be left behind by a process that is killed.
public struct WaitlessStream: ~Copyable, Sendable {
  /// What keeps a call from waiting.
  private enum Manner {
    /// The description is this process's own, with O_NONBLOCK, or of a file on disk, which never waits.
    case byItself
    /// Each call to a socket says that it must not wait.
    case byCall
    /// No call is made before poll(2) has said that it would not wait, and none for more than that promises. Another
    /// process that is faster in using what was promised could still make it wait.
    case byAsking(atMost: Int)
  }

  /// Bytes that a pipe which can be written to takes at once.
  private static let pipeRoom = 4096
  /// A terminal promises no more.
  private static let terminalRoom = 1

  /// For the event loop; not to be read from or written to.
  public let descriptor: FileDescriptor
  /// What is read, where that is not ``descriptor``.
  private let again: FileDescriptor?
  private let manner: Manner

  /// - Parameters:
  ///   - number: stays open and unchanged.
  ///   - access: O_RDONLY or O_WRONLY, what is done with the stream.
  /// - Throws: where the descriptor is not open.
  public init(_ number: Int32, _ access: Int32) throws(SystemError) {
    let given = try FileDescriptor(duplicating: number)
    let kind = try given.status().kind
    let mayWait = kind == .characterDevice || kind == .pipe
    if mayWait, let again = WaitlessStream.reopened(number, access) {
      if kind == .pipe, access == O_RDONLY {
        // What is opened anew of a pipe whose writers have gone is not told so by poll(2): what was given is asked.
        self.init(given, again, .byItself)
      } else {
        self.init(again, nil, .byItself)
      }
    } else {
      let limit = Terminal.isTerminal(number) ? WaitlessStream.terminalRoom : WaitlessStream.pipeRoom
      self.init(given, nil, kind == .socket ? .byCall : mayWait ? .byAsking(atMost: limit) : .byItself)
    }
  }

  private init(_ descriptor: consuming FileDescriptor, _ again: consuming FileDescriptor?, _ manner: Manner) {
    self.descriptor = descriptor
    self.again = again
    self.manner = manner
  }

  /// An open file description of this process's own; nil where it may not have one, of another user's pipe perhaps.
  private static func reopened(_ number: Int32, _ access: Int32) -> FileDescriptor? {
    let flags = access | O_NONBLOCK | O_NOCTTY
    if let again = try? FileDescriptor(opening: "/proc/self/fd/\(number)", flags) { return again }
    // After `su` a terminal is another user's, but it still controls the session, and that name is open to all.
    guard tcgetsid(number) == getsid(0) else { return nil }
    return try? FileDescriptor(opening: "/dev/tty", flags)
  }

  /// Reads at most `count` bytes; none at the end.
  /// - Throws: EAGAIN where it would have to wait.
  public func read(upTo count: Int) throws(SystemError) -> [UInt8] {
    switch manner {
    case .byItself:
      switch again {
      case .some(let stream): return try stream.read(upTo: count)
      case .none: return try descriptor.read(upTo: count)
      }
    case .byAsking:
      try ask(POLLIN)
      return try descriptor.read(upTo: count)
    case .byCall:
      var bytes = [UInt8](repeating: 0, count: count)
      let found = try retrying("recv") { recv(descriptor.raw, &bytes, count, Int32(MSG_DONTWAIT)) }
      return Array(bytes[..<found])
    }
  }

  /// Writes what the kernel takes of `bytes`.
  /// - Throws: EAGAIN where it would have to wait.
  public func write(_ bytes: ArraySlice<UInt8>) throws(SystemError) -> Int {
    var bytes = bytes
    return try bytes.withUnsafeMutableBytes { buffer in
      var entry = iovec(iov_base: buffer.baseAddress, iov_len: buffer.count)
      return Result { () throws(SystemError) in try write(&entry, count: 1) }
    }.get()
  }

  /// As ``write(_:)``, of the bytes of `count` entries.
  package func write(_ entries: UnsafeMutablePointer<iovec>, count: Int) throws(SystemError) -> Int {
    switch manner {
    case .byItself: return try retrying("writev") { writev(descriptor.raw, entries, Int32(count)) }
    case .byCall:
      var message = msghdr()
      (message.msg_iov, message.msg_iovlen) = (entries, count)
      let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
      return try retrying("sendmsg") { sendmsg(descriptor.raw, &message, flags) }
    case .byAsking(let limit):
      try ask(POLLOUT)
      let count = min(entries[0].iov_len, limit)
      return try retrying("write") { Glibc.write(descriptor.raw, entries[0].iov_base, count) }
    }
  }

  /// - Throws: EAGAIN where what is asked for would have to wait.
  private func ask(_ event: Int32) throws(SystemError) {
    var entry = pollfd(fd: descriptor.raw, events: Int16(event), revents: 0)
    // With any answer, that the other end is gone among them, the call returns at once.
    if try retrying("poll", "", { Int(poll(&entry, 1, 0)) }) == 0 {
      throw SystemError(call: "poll", code: EAGAIN)
    }
  }

  /// Waits until something can be written, or the other end is gone (poll(2)).
  /// - Returns: false when `other` became readable before.
  public func waitUntilWritable(unless other: borrowing FileDescriptor) -> Bool {
    var entries = [
      pollfd(fd: descriptor.raw, events: Int16(POLLOUT), revents: 0),
      pollfd(fd: other.raw, events: Int16(POLLIN), revents: 0),
    ]
    _ = try? retrying("poll") { Int(poll(&entries, 2, -1)) }
    return entries[0].revents != 0
  }
}
