import CLinux
import Glibc

/// Sole owner of an open file description's descriptor; closes it at the end of its life.
public struct FileDescriptor: ~Copyable, Sendable {
  /// The descriptor's number, valid as long as the owner lives.
  public let raw: Int32

  /// Takes over a descriptor that nobody else will close.
  public init(owning raw: Int32) { self.raw = raw }

  /// Opens `path`; O_CLOEXEC is always set.
  public init(opening path: String, _ flags: Int32, mode: UInt32 = 0o600) throws(SystemError) {
    raw = Int32(try checked(clinux_open(path, flags | O_CLOEXEC, mode), "open", path))
  }

  /// Names the directory at `path` without opening it (O_PATH).
  public init(namingDirectory path: String) throws(SystemError) {
    try self.init(opening: path, Int32(CLINUX_O_PATH) | O_DIRECTORY)
  }

  /// Creates an empty file in `folder` that has no name (open(2), O_TMPFILE): nothing is left of it however this ends.
  public init(unnamedIn folder: String, mode: UInt32 = 0o600) throws(SystemError) {
    try self.init(opening: folder, O_RDWR | Int32(CLINUX_O_TMPFILE), mode: mode)
  }

  /// Another descriptor, close-on-exec, for the same open file description as one that stays its owner's.
  public init(duplicating number: Int32) throws(SystemError) {
    raw = Int32(try checked(clinux_fcntl(number, F_DUPFD_CLOEXEC, 0), "fcntl", "F_DUPFD_CLOEXEC \(number)"))
  }

  deinit { _ = close(raw) }

  /// Gives the number to a caller who will close it.
  public consuming func release() -> Int32 {
    let number = raw
    discard self
    return number
  }

  /// Gives the number to the program that this process becomes (execve(2)).
  public consuming func bequeath() throws(SystemError) -> Int32 {
    _ = try checked(clinux_fcntl(raw, F_SETFD, 0), "fcntl", "F_SETFD")
    return release()
  }

  /// Another descriptor for the same open file description.
  public func duplicate() throws(SystemError) -> FileDescriptor { try FileDescriptor(duplicating: raw) }

  /// Reads at most the buffer's length from the current position; 0 at the end of the file.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
    try retrying("read") { Glibc.read(raw, buffer.baseAddress, buffer.count) }
  }

  /// Reads into `bytes` from index `start` on.
  /// - Returns: how many; 0 at the end of the file.
  public func read(into bytes: inout [UInt8], at start: Int = 0) throws(SystemError) -> Int {
    precondition((0..<bytes.count).contains(start))
    return try retrying("read") {
      bytes.withUnsafeMutableBytes { Glibc.read(raw, $0.baseAddress.map { $0 + start }, $0.count - start) }
    }
  }

  /// Reads at most `count` bytes from the current position; fewer at the end of the file or of what is ready.
  public func read(upTo count: Int) throws(SystemError) -> [UInt8] {
    var failure: SystemError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
      do throws(SystemError) {
        length = try read(into: UnsafeMutableRawBufferPointer(buffer))
      } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Reads exactly the buffer's length at `offset`, in bytes from the start of the file.
  /// - Throws: ENODATA when the file ends before that.
  public func readAll(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SystemError) {
    var done = 0
    while done < buffer.count {
      let count = try retrying("pread") {
        pread(raw, buffer.baseAddress.map { $0 + done }, buffer.count - done, Int(offset) + done)
      }
      if count == 0 { throw SystemError(call: "pread", operand: "end of file", code: ENODATA) }
      done += count
    }
  }

  /// Exactly `count` bytes at `offset`, in bytes from the start of the file.
  /// - Throws: ENODATA when the file ends before that.
  public func bytes(count: Int, at offset: UInt64) throws(SystemError) -> [UInt8] {
    var failure: SystemError?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
      do throws(SystemError) {
        try readAll(
          into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]),
          at: offset)
        length = count
      } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Reads at most the buffer's length at `offset`, in bytes from the start of the file; 0 at its end.
  public func read(into buffer: inout MutableSpan<UInt8>, at offset: UInt64) throws(SystemError) -> Int {
    try retrying("pread") {
      buffer.withUnsafeMutableBytes { pread(raw, $0.baseAddress, $0.count, Int(clamping: offset)) }
    }
  }

  /// Reads at most as many bytes as there are in `bytes`, over them, at `offset`; 0 at the end of the file.
  public func read(into bytes: inout [UInt8], at offset: UInt64) throws(SystemError) -> Int {
    var span = bytes.mutableSpan
    return try read(into: &span, at: offset)
  }

  /// Writes what the kernel takes of `bytes` at the current position.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Int {
    try retrying("write") { Glibc.write(raw, bytes.baseAddress, bytes.count) }
  }

  /// Writes what the kernel takes of `bytes` at the current position.
  public func write(_ bytes: ArraySlice<UInt8>) throws(SystemError) -> Int {
    try retrying("write") { bytes.withUnsafeBytes { Glibc.write(raw, $0.baseAddress, $0.count) } }
  }

  /// Writes what the kernel takes of `bytes` at the current position.
  public func write(_ bytes: Span<UInt8>) throws(SystemError) -> Int {
    try retrying("write") { bytes.withUnsafeBytes { Glibc.write(raw, $0.baseAddress, $0.count) } }
  }

  /// Writes all of `bytes` at the current position.
  public func writeAll(_ bytes: [UInt8]) throws(SystemError) {
    var done = 0
    while done < bytes.count {
      done += try retrying("write") {
        bytes.withUnsafeBytes { Glibc.write(raw, $0.baseAddress.map { $0 + done }, $0.count - done) }
      }
    }
  }

  /// The file's contents from its start, refused where it is longer than `limit` bytes.
  /// - Throws: EFBIG above the limit.
  public func contents(limit: Int) throws(SystemError) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let chunk = try read(upTo: 1 << 16)
      if chunk.isEmpty { return bytes }
      bytes += chunk
      if bytes.count > limit { throw SystemError(call: "read", operand: "file too long", code: EFBIG) }
    }
  }

  /// What fstat(2) says of the file.
  public func status() throws(SystemError) -> FileStatus {
    var status = stat()
    _ = try checked(clinux_fstat(raw, &status), "fstat")
    return FileStatus(
      kind: .init(mode: status.st_mode), size: UInt64(clamping: status.st_size),
      identity: .init(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)))
  }

  /// Brings written data, and the size that reading it needs, to stable storage (fdatasync(2)).
  public func synchronize() throws(SystemError) {
    _ = try retrying("fdatasync") { Int(fdatasync(raw)) }
  }

  /// Moves the position, in bytes from the start of the file.
  public func seek(to offset: UInt64) throws(SystemError) {
    _ = try checking("lseek") { lseek(raw, Int(offset), SEEK_SET) }
  }

  /// Sets or clears O_NONBLOCK, which all descriptors of this open file description share.
  public func setNonBlocking(_ enabled: Bool) throws(SystemError) {
    let flags = try checked(clinux_fcntl(raw, F_GETFL, 0), "fcntl", "F_GETFL")
    let wanted = enabled ? flags | Int(O_NONBLOCK) : flags & ~Int(O_NONBLOCK)
    if wanted != flags { _ = try checked(clinux_fcntl(raw, F_SETFL, UInt(wanted)), "fcntl", "F_SETFL") }
  }

  /// Locks the whole file for this open file description (fcntl(2), F_OFD_SETLK); the lock ends with it.
  /// - Throws: EAGAIN when another description holds a lock that conflicts.
  public func lock(exclusively: Bool) throws(SystemError) {
    var lock = flock()
    lock.l_type = Int16(exclusively ? F_WRLCK : F_RDLCK)
    lock.l_whence = Int16(SEEK_SET)
    _ = try checked(clinux_fcntl_lock(raw, Int32(CLINUX_F_OFD_SETLK), &lock), "fcntl", "F_OFD_SETLK")
  }

  /// As ``lock(exclusively:)``, but waits until no other description's lock conflicts.
  public func waitForLock(exclusively: Bool) throws(SystemError) {
    var lock = flock()
    lock.l_type = Int16(exclusively ? F_WRLCK : F_RDLCK)
    lock.l_whence = Int16(SEEK_SET)
    while true {
      let result = clinux_fcntl_lock(raw, Int32(CLINUX_F_OFD_SETLKW), &lock)
      if result == -Int(EINTR) { continue }
      _ = try checked(result, "fcntl", "F_OFD_SETLKW")
      return
    }
  }
}

/// What a file is and how long, in bytes (0 for what has no length).
public struct FileStatus: Sendable {
  public enum Kind: Sendable { case regular, directory, characterDevice, blockDevice, pipe, socket, other }
  public let kind: Kind
  public let size: UInt64
  public let identity: Identity

  /// Equal for two names or descriptors of one file.
  public struct Identity: Sendable, Equatable {
    let device: UInt64
    let inode: UInt64
  }
}

extension FileStatus {
  /// Whether two open descriptors are of one file, pipe or terminal.
  public static func areSameFile(_ first: Int32, _ second: Int32) -> Bool {
    var statuses = (stat(), stat())
    guard clinux_fstat(first, &statuses.0) == 0, clinux_fstat(second, &statuses.1) == 0 else { return false }
    return statuses.0.st_dev == statuses.1.st_dev && statuses.0.st_ino == statuses.1.st_ino
  }

  /// Whether an open descriptor is of a socket.
  public static func isSocket(_ number: Int32) -> Bool {
    var status = stat()
    return clinux_fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }
}

extension FileStatus.Kind {
  init(mode: mode_t) {
    switch mode & S_IFMT {
    case S_IFREG: self = .regular
    case S_IFDIR: self = .directory
    case S_IFCHR: self = .characterDevice
    case S_IFBLK: self = .blockDevice
    case S_IFIFO: self = .pipe
    case S_IFSOCK: self = .socket
    default: self = .other
    }
  }
}
