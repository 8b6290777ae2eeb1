import CLinux
import Glibc

/// What poll(2) is asked of one descriptor, and its answer.
public struct PollEntry: Sendable {
  private var entry: pollfd

  /// - Parameter descriptor: negative where nothing is asked.
  public init(_ descriptor: Int32, reading: Bool = false, writing: Bool = false) {
    entry = pollfd(
      fd: descriptor, events: Int16((reading ? POLLIN : 0) | (writing ? POLLOUT : 0)), revents: 0)
  }

  /// Whether a read would return at once, at the end or with an error perhaps.
  public var isReadable: Bool { entry.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 }
  /// Whether a write would.
  public var isWritable: Bool { entry.revents & Int16(POLLOUT | POLLHUP | POLLERR) != 0 }

  /// Waits until something can be done with one of the entries' descriptors, or a limit, in milliseconds, has passed.
  public static func wait(_ entries: inout [PollEntry], atMost limit: Int32 = -1) throws(SystemError) {
    _ = try retrying("poll") {
      entries.withUnsafeMutableBufferPointer { buffer in
        buffer.withMemoryRebound(to: pollfd.self) { Int(poll($0.baseAddress, nfds_t($0.count), limit)) }
      }
    }
  }
}
