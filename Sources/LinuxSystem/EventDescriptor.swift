import CLinux
import Glibc

/// A counter that wakes whoever polls its descriptor (eventfd(2)), non-blocking.
public struct EventDescriptor: ~Copyable, Sendable {
  public let descriptor: FileDescriptor

  public init() throws(SystemError) {
    descriptor = FileDescriptor(
      owning: Int32(
        try checking("eventfd") { Int(eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))) }))
  }

  /// Adds one; a counter that is already full stays so, and its poller is woken either way.
  public func signal() {
    var one: UInt64 = 1
    _ = Glibc.write(descriptor.raw, &one, 8)
  }

  /// Takes the count and leaves zero; 0 when nothing was signalled.
  @discardableResult
  public func drain() -> UInt64 {
    var count: UInt64 = 0
    return Glibc.read(descriptor.raw, &count, 8) == 8 ? count : 0
  }

  /// Waits for a signal and takes it; ends the process where `other` has ended before.
  public func waitUntilSignalled(orEndWith other: ParentProcess?) {
    var entries = [
      pollfd(fd: descriptor.raw, events: Int16(POLLIN), revents: 0),
      pollfd(fd: other?.descriptor.raw ?? -1, events: Int16(POLLIN), revents: 0),
    ]
    while drain() == 0 {
      if entries[1].revents != 0 { _exit(1) }
      _ = poll(&entries, 2, -1)
    }
  }
}
