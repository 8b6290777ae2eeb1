import Configuration
import Glibc
import LinuxSystem

/// Files that a guest's kernel mounts as they are.
enum DiskImage {
  static func open(_ path: String) throws(Diagnostic) -> FileDescriptor {
    do throws(SystemError) {
      // Without O_NONBLOCK, opening a FIFO would wait for its other end.
      return try FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK)
    } catch {
      throw notOpened(path, error)
    }
  }

  static func notOpened(_ name: String, _ error: SystemError) -> Diagnostic {
    switch error.code {
    case ENOENT, ENOTDIR:
      Diagnostic(
        .noInput, "no such image", which: name,
        mend: "check the path, or write docker://NAME for one of a registry")
    case EACCES, EPERM:
      Diagnostic(.noInput, "no permission for the image", which: name, mend: "make it readable")
    default: Diagnostic(.noInput, "cannot open the image", which: name, mend: error.reason)
    }
  }

  /// The file system of an open file; nil where there is none that guests mount.
  static func format(
    of file: borrowing FileDescriptor, path: String
  ) throws(Diagnostic) -> FileSystemFormat? {
    func has(_ magic: [UInt8], at offset: UInt64) -> Bool {
      (try? file.bytes(count: magic.count, at: offset)) == magic
    }
    // EROFS_SUPER_MAGIC_V1, and s_magic of ext2, ext3 and ext4, both in superblocks at 1024.
    if has([0xe2, 0xe1, 0xf5, 0xe0], at: 1024) { return .erofs }
    if has([0x53, 0xef], at: 1024 + 56) { return .ext4 }
    return nil
  }
}
