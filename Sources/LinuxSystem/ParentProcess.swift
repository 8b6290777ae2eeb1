import CLinux
import Glibc

/// The process that started this one.
///
/// Watched by a descriptor (pidfd_open(2)) and not by PR_SET_PDEATHSIG, which tells of the end of the parent's thread.
public final class ParentProcess: Sendable {
  /// For an event loop: readable when the parent has ended.
  public let descriptor: FileDescriptor

  /// - Returns: nil where there is no parent to be seen: it ended before, lives in another process namespace, or the
  ///   kernel (before Linux 5.3) or a sandbox does not let it be watched.
  public init?() {
    let parent = getppid()
    let number = parent > 1 ? clinux_pidfd_open(parent) : -1
    // Its number can have become another's only after this process was given to another parent.
    guard number >= 0, getppid() == parent else {
      if number >= 0 { close(Int32(number)) }
      return nil
    }
    descriptor = FileDescriptor(owning: Int32(number))
  }

  /// The process `identifier`, for one that is about to be its child.
  /// - Returns: nil where it cannot be watched.
  public init?(watching identifier: Int32) {
    let number = clinux_pidfd_open(identifier)
    guard number >= 0 else { return nil }
    descriptor = FileDescriptor(owning: Int32(number))
  }
}
