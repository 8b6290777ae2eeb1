import CLinux
import Glibc

/// Changes to a file that is open.
extension FileDescriptor {
  /// - Parameter mode: permissions, set-uid, set-gid and sticky bit; the file may not be open by ``pathOnly`` alone.
  public func setMode(_ mode: UInt32) throws(SystemError) {
    _ = try checking("fchmod") { Int(fchmod(raw, mode)) }
  }

  /// - Parameter length: bytes; refused by the kernel above Int64.max.
  public func setLength(_ length: UInt64) throws(SystemError) {
    guard let length = Int(exactly: length) else { throw SystemError(call: "ftruncate", code: EFBIG) }
    _ = try retrying("ftruncate") { Int(ftruncate(raw, length)) }
  }

  /// What a time of a file becomes.
  public enum NewTime: Sendable, Equatable {
    case unchanged
    case now
    case at(FileDetails.Time)

    fileprivate var value: timespec {
      switch self {
      case .unchanged: timespec(tv_sec: 0, tv_nsec: Int(CLINUX_UTIME_OMIT))
      case .now: timespec(tv_sec: 0, tv_nsec: Int(CLINUX_UTIME_NOW))
      case .at(let time): timespec(tv_sec: Int(time.seconds), tv_nsec: Int(time.nanoseconds))
      }
    }
  }

  /// Sets times of the file, one that is open by ``pathOnly`` too (utimensat(2)).
  public func setTimes(accessed: NewTime, modified: NewTime) throws(SystemError) {
    let times = [accessed.value, modified.value]
    _ = try checked(times.withUnsafeBufferPointer { clinux_set_times(raw, $0.baseAddress) }, "utimensat")
  }

  /// - Parameter mode: FALLOC_FL_* of fallocate(2).
  public func allocate(mode: Int32, at offset: Int64, count: Int64) throws(SystemError) {
    while true {
      let result = clinux_fallocate(raw, mode, Int(offset), Int(count))
      if result != -Int(EINTR) {
        _ = try checked(result, "fallocate")
        return
      }
    }
  }

  /// Where, from `offset` on, data begins, or else a hole (lseek(2), SEEK_DATA and SEEK_HOLE).
  public func next(hole: Bool, from offset: Int64) throws(SystemError) -> Int64 {
    Int64(
      try checking("lseek") { lseek(raw, Int(offset), Int32(hole ? CLINUX_SEEK_HOLE : CLINUX_SEEK_DATA)) })
  }

  /// Brings the file and all that is known of it to stable storage (fsync(2)).
  public func synchronizeAll() throws(SystemError) { _ = try retrying("fsync") { Int(fsync(raw)) } }
}
