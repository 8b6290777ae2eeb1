import CLinux
import Glibc

/// Work on the entries of a directory, by its descriptor and one name. No call here follows a symbolic link, enters
/// another mount or leaves the directory.
extension FileDescriptor {
  /// Opens an entry (openat2(2)); O_CLOEXEC, O_NOFOLLOW, O_NOCTTY and O_NONBLOCK are always set, so that a named pipe
  /// is not waited for.
  /// - Throws: ELOOP for a symbolic link, unless it is opened with ``pathOnly``; EXDEV for the root of another mount;
  ///   EAGAIN while another program has a lease on the file (fcntl(2), F_SETLEASE), which it is now asked to give up.
  public func open(beneath name: FileName, _ flags: Int32, mode: UInt32 = 0) throws(SystemError)
    -> FileDescriptor
  {
    let raw = try name.withCString { name throws(SystemError) in try openOne(name, flags, mode) }
    return FileDescriptor(owning: raw)
  }

  /// O_PATH: names the file without opening it.
  public static let pathOnly = Int32(CLINUX_O_PATH)

  /// Opens the directory itself, to read it, from a descriptor that may have been opened with ``pathOnly``.
  public func reopenDirectory() throws(SystemError) -> FileDescriptor {
    FileDescriptor(owning: try openOne(".", O_RDONLY | O_DIRECTORY, 0))
  }

  private func openOne(
    _ path: UnsafePointer<CChar>, _ flags: Int32, _ mode: UInt32
  ) throws(SystemError) -> Int32 {
    // openat2(2) takes O_PATH only alone.
    let isPath = flags & Self.pathOnly != 0
    let always = O_CLOEXEC | O_NOFOLLOW | (isPath ? 0 : O_NOCTTY | O_NONBLOCK)
    let resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV
    while true {
      let result = clinux_openat2(
        raw, path, UInt64(UInt32(bitPattern: flags | always)), UInt64(mode), UInt64(resolve))
      if result != -Int(EINTR) { return Int32(try checked(result, "openat2")) }
    }
  }

  /// The text of the symbolic link that was opened with ``pathOnly``.
  public func linkTarget() throws(SystemError) -> [UInt8] {
    var text = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = try checking("readlinkat") { readlinkat(raw, "", &text, text.count) }
    return text.prefix(count).map { UInt8(bitPattern: $0) }
  }

  public func makeDirectory(_ name: FileName, mode: UInt32) throws(SystemError) {
    _ = try checking("mkdirat") { name.withCString { Int(mkdirat(raw, $0, mode)) } }
  }

  /// - Parameter target: any text without a zero byte.
  public func makeSymbolicLink(_ name: FileName, to target: [UInt8]) throws(SystemError) {
    let text = target.map { CChar(bitPattern: $0) } + [0]
    _ = try checking("symlinkat") { name.withCString { Int(symlinkat(text, raw, $0)) } }
  }

  /// Gives an entry another name, in `directory`; where it is a symbolic link, the link itself.
  public func link(
    _ name: FileName, to newName: FileName, in directory: borrowing FileDescriptor
  ) throws(SystemError) {
    let target = directory.raw
    _ = try checking("linkat") {
      name.withCString { name in newName.withCString { Int(linkat(raw, name, target, $0, 0)) } }
    }
  }

  public func remove(_ name: FileName, isDirectory: Bool) throws(SystemError) {
    _ = try checking("unlinkat") {
      name.withCString { Int(unlinkat(raw, $0, isDirectory ? AT_REMOVEDIR : 0)) }
    }
  }

  /// - Parameter flags: RENAME_NOREPLACE or RENAME_EXCHANGE of renameat2(2), or 0.
  public func rename(
    _ name: FileName, to newName: FileName, in directory: borrowing FileDescriptor, flags: UInt32
  ) throws(SystemError) {
    let target = directory.raw
    let result = name.withCString { name in
      newName.withCString { clinux_renameat2(raw, name, target, $0, flags) }
    }
    _ = try checked(result, "renameat2")
  }

  /// Calls `body` with each entry from `position` on, which is 0 or one that an entry had as its ``DirectoryEntry/next``,
  /// until it returns false; of the entries that one system call fills into `bufferSize` bytes.
  /// - Returns: whether there was an entry.
  public func readEntries(
    from position: Int64, bufferSize: Int, _ body: (DirectoryEntry) -> Bool
  ) throws(SystemError) -> Bool {
    _ = try checking("lseek") { lseek(raw, Int(position), SEEK_SET) }
    let head = MemoryLayout<clinux_directory_entry>.size
    return try withUnsafeTemporaryAllocation(byteCount: bufferSize, alignment: 8) { buffer in
      Result { () throws(SystemError) -> Bool in
        let count = try checked(clinux_getdents64(raw, buffer.baseAddress, buffer.count), "getdents64")
        var place = 0
        while place + head <= count {
          let entry = buffer.loadUnaligned(fromByteOffset: place, as: clinux_directory_entry.self)
          let end = min(place + max(Int(entry.length), head), count)
          let name = buffer[(place + head)..<end].prefix { $0 != 0 }
          let found = DirectoryEntry(
            name: Array(name), number: entry.number, next: entry.next, type: UInt32(entry.type))
          if !body(found) { break }
          place = end
        }
        return count > 0
      }
    }.get()
  }
}

/// What a directory says of an entry (getdents(2)).
public struct DirectoryEntry: Sendable {
  /// Also `.` and `..`, which are no ``FileName``.
  public let name: [UInt8]
  /// The inode's number.
  public let number: UInt64
  /// Where the entry after it begins.
  public let next: Int64
  /// DT_*, or 0 where the file system does not say.
  public let type: UInt32

  public init(name: [UInt8], number: UInt64, next: Int64, type: UInt32) {
    self.name = name
    self.number = number
    self.next = next
    self.type = type
  }
}
