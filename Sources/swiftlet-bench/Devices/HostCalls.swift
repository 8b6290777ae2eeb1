import Bench
import CBench
import Glibc
import LinuxSystem

/// Memory of this process that system calls read into and write from, from the start of a page on.
///
/// Sound: the pointer leaves only for the length of a call, and every call is given no more than `count` bytes.
final class HostBuffer {
  private let memory: MappedMemory
  var count: Int { memory.count }

  init(count: Int) throws {
    memory = try MappedMemory(anonymous: count)
    touch()
  }

  /// Has a page of memory for each page of it.
  func touch() { touch(pages: (count + 4095) / 4096) }

  /// The same for the first pages only.
  func touch(pages: Int) {
    for place in stride(from: 0, to: min(pages * 4096, count), by: 4096) {
      memory.base.storeBytes(of: 1, toByteOffset: place, as: UInt8.self)
    }
  }

  func write(_ bytes: [UInt8], at place: Int = 0) {
    precondition(place >= 0 && bytes.count <= count - place)
    for (index, byte) in bytes.enumerated() {
      memory.base.storeBytes(of: byte, toByteOffset: place + index, as: UInt8.self)
    }
  }

  /// Gives pages back, as a balloon does.
  func release(page: Int, pages: Int = 1) throws {
    precondition(page >= 0 && pages >= 0 && (page + pages) * 4096 <= count)
    try HostBuffer.expect(Int(madvise(memory.base + page * 4096, pages * 4096, MADV_DONTNEED)), 0, "madvise")
  }

  func read(_ file: Int32, _ length: Int, at offset: Int) throws {
    try HostBuffer.expect(pread(file, pointer(length), length, offset), length, "pread")
  }

  func write(_ file: Int32, _ length: Int, at offset: Int) throws {
    try HostBuffer.expect(pwrite(file, pointer(length), length, offset), length, "pwrite")
  }

  func read(_ stream: Int32, _ length: Int) throws {
    try HostBuffer.expect(Glibc.read(stream, pointer(length), length), length, "read")
  }

  func write(_ stream: Int32, _ length: Int) throws {
    try HostBuffer.expect(Glibc.write(stream, pointer(length), length), length, "write")
  }

  /// Reads so many bytes from a stream that gives them in any parts.
  func readAll(_ stream: Int32, _ length: Int) throws {
    var left = length
    while left > 0 {
      let part = min(left, self.count)
      let count = Glibc.read(stream, pointer(part), part)
      guard count > 0 else { throw Failure("read gives \(count) of \(left) (error \(errno))") }
      left -= count
    }
  }

  /// Sends from the front as writev(2) does of two buffers, the first of them `first` bytes long.
  func write(_ stream: Int32, _ length: Int, first: Int) throws {
    precondition((0...length).contains(first))
    let base = pointer(length)
    var parts = [
      iovec(iov_base: base, iov_len: first), iovec(iov_base: base + first, iov_len: length - first),
    ]
    try HostBuffer.expect(writev(stream, &parts, 2), length, "writev")
  }

  /// Reads what there is, until a call finds nothing more.
  func drain(_ stream: Int32) {
    while recv(stream, memory.base, count, Int32(MSG_DONTWAIT)) > 0 {}
  }

  func random(_ length: Int) throws {
    try HostBuffer.expect(getrandom(pointer(length), length, 0), length, "getrandom")
  }

  private func pointer(_ length: Int) -> UnsafeMutableRawPointer {
    precondition((0...count).contains(length))
    return memory.base
  }

  private static func expect(_ result: Int, _ wanted: Int, _ call: StaticString) throws {
    let code = errno
    if result != wanted { throw Failure("\(call) gives \(result) instead of \(wanted) (error \(code))") }
  }
}

/// What else is asked of the host.
enum Host {
  /// The attributes of a file by its name in a directory, as Linux asks for a path's last part.
  static func attributes(of name: String, in directory: Int32) throws {
    var details = stat()
    guard fstatat(directory, name, &details, AT_SYMLINK_NOFOLLOW) == 0 else {
      throw Failure("fstatat \(name): error \(errno)")
    }
  }

  /// Opens and closes a file by its name in a directory.
  static func open(_ name: String, in directory: Int32) throws {
    let file = openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
    guard file >= 0, close(file) == 0 else { throw Failure("open \(name): error \(errno)") }
  }

  static func synchronize(_ file: Int32) throws {
    guard fdatasync(file) == 0 else { throw Failure("fdatasync: error \(errno)") }
  }

  /// - Parameter patience: in milliseconds; below 0 there is no end to it.
  static func waitUntilReadable(_ file: borrowing FileDescriptor, patience: Int32 = 10_000) throws {
    var ready = pollfd(fd: file.raw, events: Int16(POLLIN), revents: 0)
    guard poll(&ready, 1, patience) == 1 else { throw Failure("nothing comes") }
  }
}

extension TemporaryFolder {
  /// A file of so many bytes, none of them a hole, on stable storage.
  func file(_ name: String, count: Int) throws -> String {
    let file = try FileDescriptor(opening: "\(path)/\(name)", O_RDWR | O_CREAT | O_EXCL)
    let part = (0..<1 << 16).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    for start in stride(from: 0, to: count, by: part.count) {
      try file.writeAll(Array(part.prefix(count - start)))
    }
    try file.synchronize()
    return "\(path)/\(name)"
  }
}
