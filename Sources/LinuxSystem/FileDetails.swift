import CLinux
import Glibc

/// All that statx(2) says of a file.
public struct FileDetails: Sendable, Equatable {
  /// Seconds since 1970, UTC, and the nanoseconds of the second.
  public struct Time: Sendable, Hashable {
    public var seconds: Int64
    public var nanoseconds: UInt32
    public init(seconds: Int64, nanoseconds: UInt32) {
      self.seconds = seconds
      self.nanoseconds = nanoseconds
    }
  }

  /// What no other file has, as long as this one exists; with the time of its birth (0 where the file system does not
  /// keep it) also later, when another file has got its number.
  public struct Identity: Sendable, Hashable {
    public var device: UInt64 = 0
    public var number: UInt64 = 0
    public var birth = Time(seconds: 0, nanoseconds: 0)
    public init() {}
  }

  public var identity = Identity()
  /// Kind and permissions, as in st_mode.
  public var mode: UInt32 = 0
  public var links: UInt32 = 0
  public var owner: UInt32 = 0
  public var group: UInt32 = 0
  /// Bytes.
  public var size: UInt64 = 0
  /// Units of 512 bytes.
  public var blocks: UInt64 = 0
  /// Bytes that are best read or written at once.
  public var blockSize: UInt32 = 0
  /// What a device node stands for.
  public var deviceMajor: UInt32 = 0
  public var deviceMinor: UInt32 = 0
  public var accessed = Time(seconds: 0, nanoseconds: 0)
  public var modified = Time(seconds: 0, nanoseconds: 0)
  public var changed = Time(seconds: 0, nanoseconds: 0)

  public init() {}

  /// S_IFMT of the mode.
  private var kind: UInt32 { mode & 0o170000 }
  public var isDirectory: Bool { kind == 0o040000 }
  public var isRegular: Bool { kind == 0o100000 }
  public var isSymbolicLink: Bool { kind == 0o120000 }
}

extension FileDescriptor {
  /// What statx(2) says of the open file, one opened with O_PATH too.
  public func details() throws(SystemError) -> FileDetails {
    var found = statx()
    _ = try checked(clinux_statx(raw, Self.everything, &found), "statx")
    return details(found)
  }

  /// What statx(2) says of an entry of this directory; where it is a symbolic link, of the link.
  public func details(beneath name: FileName) throws(SystemError) -> FileDetails {
    var found = statx()
    _ = try checked(
      name.withCString { clinux_statx_beneath(raw, $0, Self.everything, &found) }, "statx", "\(name)")
    return details(found)
  }

  private static let everything = UInt32(STATX_BASIC_STATS | STATX_BTIME)

  private func details(_ found: statx) -> FileDetails {
    var details = FileDetails()
    details.identity.device = UInt64(found.stx_dev_major) << 32 | UInt64(found.stx_dev_minor)
    details.identity.number = found.stx_ino
    if found.stx_mask & UInt32(STATX_BTIME) != 0 { details.identity.birth = time(found.stx_btime) }
    details.mode = UInt32(found.stx_mode)
    details.links = found.stx_nlink
    details.owner = found.stx_uid
    details.group = found.stx_gid
    details.size = found.stx_size
    details.blocks = found.stx_blocks
    details.blockSize = found.stx_blksize
    details.deviceMajor = found.stx_rdev_major
    details.deviceMinor = found.stx_rdev_minor
    details.accessed = time(found.stx_atime)
    details.modified = time(found.stx_mtime)
    details.changed = time(found.stx_ctime)
    return details
  }

  private func time(_ stamp: statx_timestamp) -> FileDetails.Time {
    FileDetails.Time(seconds: stamp.tv_sec, nanoseconds: stamp.tv_nsec)
  }

  /// - Parameter access: R_OK, W_OK, X_OK of access(2), asked for with the process's effective rights.
  /// - Throws: EACCES or EROFS where one of them is missing.
  public static func checkAccess(_ path: String, _ access: Int32) throws(SystemError) {
    _ = try checking("faccessat", path) { Int(faccessat(AT_FDCWD, path, access, AT_EACCESS)) }
  }

  /// How full the file system is that the file is on (statfs(2)).
  public func fileSystemStatus() throws(SystemError) -> FileSystemStatus {
    var found = statfs()
    _ = try retrying("fstatfs") { Int(fstatfs(raw, &found)) }
    var status = FileSystemStatus()
    status.blocks = UInt64(found.f_blocks)
    status.freeBlocks = UInt64(found.f_bfree)
    status.availableBlocks = UInt64(found.f_bavail)
    status.files = UInt64(found.f_files)
    status.freeFiles = UInt64(found.f_ffree)
    status.blockSize = UInt32(clamping: found.f_bsize)
    status.fragmentSize = UInt32(clamping: found.f_frsize)
    status.nameLimit = UInt32(clamping: found.f_namelen)
    return status
  }
}

/// What statfs(2) says of a file system; sizes of blocks in bytes.
public struct FileSystemStatus: Sendable, Equatable {
  /// In units of ``fragmentSize``.
  public var blocks: UInt64 = 0
  public var freeBlocks: UInt64 = 0
  public var availableBlocks: UInt64 = 0
  public var files: UInt64 = 0
  public var freeFiles: UInt64 = 0
  public var blockSize: UInt32 = 0
  public var fragmentSize: UInt32 = 0
  public var nameLimit: UInt32 = 0
  public init() {}
}
