import Configuration
import Glibc
import KernelImages
import LinuxSystem

/// Looks at the files a person named before a machine is built for them.
enum InputFile {
  static func check(initialRamdisk path: String) throws(Diagnostic) {
    let size = try size(of: open(path, "initrd", O_RDONLY), path, "initrd")
    guard size > 0 else {
      throw Diagnostic(.badInput, "empty initrd", which: path, mend: "give a cpio archive or leave it out")
    }
  }

  static func check(_ disks: [Disk]) throws(Diagnostic) {
    var seen: [(file: FileStatus.Identity, readOnly: Bool)] = []
    for disk in disks {
      let file = try open(disk.path, "disk", disk.readOnly ? O_RDONLY : O_RDWR)
      let identity = try status(of: file, disk.path, "disk").identity
      if seen.contains(where: { $0.file == identity && !($0.readOnly && disk.readOnly) }) {
        throw Diagnostic(
          .noInput, "disk named twice", which: disk.path, mend: "name it once, or add ,ro each time")
      }
      seen.append((identity, disk.readOnly))
      try check(disk, file)
    }
  }

  private static func check(_ disk: Disk, _ file: consuming FileDescriptor) throws(Diagnostic) {
    guard try status(of: file, disk.path, "disk").kind == .regular else { return }
    let size = try size(of: file, disk.path, "disk")
    guard size > 0 else {
      throw Diagnostic(
        .badInput, "empty disk", which: disk.path, mend: "give it a size, as with truncate -s 64M")
    }
    try checkIsRaw(file, path: disk.path, readOnly: disk.readOnly)
  }

  /// A named pipe, as mkfifo(1) makes it.
  static func check(balloonControl path: String) throws(Diagnostic) {
    let what = "balloon control"
    let file: FileDescriptor
    do throws(SystemError) { file = try FileDescriptor(opening: path, O_RDWR | O_NONBLOCK) } catch {
      throw diagnostic(error, path, what)
    }
    guard try status(of: file, path, what).kind == .pipe else {
      throw Diagnostic(.noInput, "balloon control is no named pipe", which: path, mend: "make one by mkfifo")
    }
  }

  static func check(_ share: Share) throws(Diagnostic) {
    do throws(SystemError) {
      _ = try FileDescriptor(opening: share.path, O_RDONLY | O_DIRECTORY)
      try FileDescriptor.checkAccess(share.path, share.readOnly ? R_OK | X_OK : R_OK | W_OK | X_OK)
    } catch {
      let mend =
        share.readOnly ? "it must be readable and searchable" : "change its permissions, or leave ,rw out"
      switch error.code {
      case ENOTDIR where (try? FileDescriptor(opening: share.path, FileDescriptor.pathOnly)) != nil:
        throw Diagnostic(.noInput, "share is not a directory", which: share.path, mend: "name a directory")
      case EACCES, EPERM:
        throw Diagnostic(.noInput, "no permission for the share", which: share.path, mend: mend)
      case EROFS:
        throw Diagnostic(
          .noInput, "share on a read-only file system", which: share.path, mend: "leave ,rw out")
      default: throw diagnostic(error, share.path, "share")
      }
    }
  }

  /// An open regular file, or for a disk also a block device.
  static func open(_ path: String, _ what: String, _ flags: Int32) throws(Diagnostic) -> FileDescriptor {
    guard !path.isEmpty else {
      throw Diagnostic(.usage, "empty \(what) path", which: "", mend: "name a file")
    }
    let file: FileDescriptor
    do throws(SystemError) {
      // Without O_NONBLOCK, opening a FIFO would wait for its other end.
      file = try FileDescriptor(opening: path, flags | O_NONBLOCK)
    } catch {
      throw diagnostic(error, path, what)
    }
    switch try status(of: file, path, what).kind {
    case .regular: return file
    case .blockDevice where what == "disk": return file
    case .directory:
      throw Diagnostic(.noInput, "\(what) is a directory", which: path, mend: "name a file")
    case .pipe: throw notAFile("a named pipe", path, what)
    case .socket: throw notAFile("a socket", path, what)
    case .characterDevice, .blockDevice: throw notAFile("a device", path, what)
    case .other: throw notAFile("not a file", path, what)
    }
  }

  private static func notAFile(_ kind: String, _ path: String, _ what: String) -> Diagnostic {
    Diagnostic(.noInput, "\(what) is \(kind)", which: path, mend: "name a regular file")
  }

  static func status(
    of file: borrowing FileDescriptor, _ path: String, _ what: String
  ) throws(Diagnostic) -> FileStatus {
    do throws(SystemError) { return try file.status() } catch { throw diagnostic(error, path, what) }
  }

  private static func size(
    of file: borrowing FileDescriptor, _ path: String, _ what: String
  ) throws(Diagnostic) -> UInt64 {
    try status(of: file, path, what).size
  }

  private static func diagnostic(_ error: SystemError, _ path: String, _ what: String) -> Diagnostic {
    switch error.code {
    case ENOENT, ENOTDIR:
      return Diagnostic(.noInput, "no such \(what)", which: path, mend: "check the path")
    case EACCES, EPERM:
      if let folder = FileDescriptor.closedFolder(to: path) {
        return Diagnostic(
          .noInput, "no permission for the \(what)", which: path,
          mend: "this user may not search \(folder): chmod o+x it, or copy the file elsewhere")
      }
      let mend = what == "disk" ? "change its permissions, or add ,ro if it may be read" : "make it readable"
      return Diagnostic(.noInput, "no permission for the \(what)", which: path, mend: mend)
    case EROFS:
      return Diagnostic(.noInput, "disk on a read-only file system", which: path, mend: "add ,ro")
    case EISDIR:
      return Diagnostic(.noInput, "\(what) is a directory", which: path, mend: "name a file")
    case EMFILE, ENFILE, ENOMEM:
      return Diagnostic(.hostResource, "cannot open the \(what)", which: path, mend: error.reason)
    default:
      return Diagnostic(.noInput, "cannot open the \(what)", which: path, mend: error.reason)
    }
  }
}
