import Glibc
public import LinuxSystem

/// Why a file cannot be a disk.
public enum DiskError: Error, Sendable, Equatable {
  case cannotOpen(SystemError)
  case notAFile
  case empty
  case inUse
  case notDirect
}

extension DiskError: CustomStringConvertible {
  /// What is wrong and how to mend it; which disk, the caller knows.
  public var description: String {
    switch self {
    case .cannotOpen(let error) where error.code == EACCES || error.code == EROFS:
      "\(error.reason): mend its permissions, or attach it read-only"
    case .cannotOpen(let error): error.reason
    case .notAFile: "it is neither a file nor a block device: give a disk image"
    case .empty: "it is empty: give it a size, as with `truncate -s 64M`"
    case .inUse: "it is in use by another process: end that one, or attach the disk read-only in both"
    case .notDirect: "its file system has no direct transfers: leave `direct` out, or move it"
    }
  }
}
