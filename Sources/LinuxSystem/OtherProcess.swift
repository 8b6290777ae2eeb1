import CLinux
import Glibc

/// A process that another one started: whatever becomes of its number, it is not taken for another (pidfd_open(2)).
public struct OtherProcess: ~Copyable, Sendable {
  /// Readable when it has ended.
  public let descriptor: FileDescriptor

  /// - Throws: ESRCH where there is none of this number.
  public init(_ identifier: Int32) throws(SystemError) {
    descriptor = FileDescriptor(owning: Int32(try checked(clinux_pidfd_open(identifier), "pidfd_open")))
  }

  /// Sends it a signal in the way of sigqueue(3), which tells it that it alone was meant.
  /// - Throws: ESRCH where it has ended, EPERM where it is another user's.
  public func send(_ signal: Int32) throws(SystemError) {
    _ = try checked(clinux_pidfd_send_signal(descriptor.raw, signal), "pidfd_send_signal")
  }
}
