import CLinux
import Glibc

/// What direct transfers of a file must be multiples of, in bytes.
public struct DirectAlignment: Sendable, Equatable {
  /// Addresses and lengths of buffers.
  public let memory: Int
  /// Places in the file, and lengths of transfers.
  public let offset: Int
}

/// Holes and zeros in files, and transfers around the page cache.
extension FileDescriptor {
  /// The alignment for a descriptor opened with O_DIRECT; nil where the file system has no such transfers.
  public func directAlignment() throws(SystemError) -> DirectAlignment? {
    let found = clinux_direct_alignment(raw)
    // Where it is not told, what every disk takes.
    if found.result == -Int(EOPNOTSUPP) { return DirectAlignment(memory: 4096, offset: 4096) }
    _ = try checked(found.result, "statx")
    guard found.memory > 0, found.offset > 0 else { return nil }
    return DirectAlignment(memory: Int(found.memory), offset: Int(found.offset))
  }

  /// Another open file description of the same file, whose transfers go around the page cache (open(2), O_DIRECT).
  /// - Throws: EINVAL where the file system has no such transfers.
  public func reopenedDirectly(readOnly: Bool) throws(SystemError) -> FileDescriptor {
    let flags = (readOnly ? O_RDONLY : O_RDWR) | Int32(CLINUX_O_DIRECT)
    return try FileDescriptor(opening: "/proc/self/fd/\(raw)", flags)
  }

  /// Takes the bytes of a range out of the file, which then reads as zeros there and is as long as before
  /// (fallocate(2), FALLOC_FL_PUNCH_HOLE).
  /// - Throws: EOPNOTSUPP where the file system has no holes.
  public func punchHole(at offset: UInt64, count: UInt64) throws(SystemError) {
    try allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, count)
  }

  /// Makes a range zeros that have their place on the disk (fallocate(2), FALLOC_FL_ZERO_RANGE).
  /// - Throws: EOPNOTSUPP where the file system cannot.
  public func zeroRange(at offset: UInt64, count: UInt64) throws(SystemError) {
    try allocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, count)
  }

  private func allocate(_ mode: Int32, _ offset: UInt64, _ count: UInt64) throws(SystemError) {
    let (start, length) = (Int(clamping: offset), Int(clamping: count))
    while true {
      let result = clinux_fallocate(raw, mode, start, length)
      if result == -Int(EINTR) { continue }
      _ = try checked(result, "fallocate")
      return
    }
  }

  /// Writes all of `bytes` at `offset`.
  public func writeAll(_ bytes: Span<UInt8>, at offset: UInt64) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      done += try retrying("pwrite") {
        bytes.withUnsafeBytes {
          pwrite(raw, $0.baseAddress.map { $0 + done }, $0.count - done, Int(clamping: offset) + done)
        }
      }
    }
  }

  /// The end of a file or block device, in bytes from its start. Moves the position.
  public func end() throws(SystemError) -> UInt64 {
    UInt64(try checking("lseek") { lseek(raw, 0, SEEK_END) })
  }
}
