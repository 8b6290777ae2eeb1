import CLinux
import Glibc

/// Tells when other processes have had a file open for writing and closed it, or have touched it (inotify(7)). What
/// this process writes through descriptors that stay open is not told.
public struct FileWatch: ~Copyable, Sendable {
  /// For the event loop; not to be read from.
  public let descriptor: FileDescriptor

  /// - Throws: EMFILE where the user has as many watches as the host allows.
  public init(_ file: borrowing FileDescriptor) throws(SystemError) {
    let watch = FileDescriptor(
      owning: Int32(
        try checking("inotify_init1") {
          Int(inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK)))
        }))
    _ = try checking("inotify_add_watch") {
      Int(inotify_add_watch(watch.raw, "/proc/self/fd/\(file.raw)", UInt32(IN_CLOSE_WRITE | IN_ATTRIB)))
    }
    descriptor = watch
  }

  /// Forgets what there is to tell.
  public func drain() {
    while let bytes = try? descriptor.read(upTo: 4096), !bytes.isEmpty {}
  }
}
