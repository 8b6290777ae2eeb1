import Boot
import Configuration
import Glibc
import KernelImages
import LinuxSystem
import Testing

/// A folder that is removed with what is in it.
final class TemporaryFolder {
  let path: String

  init() throws {
    var template = Array("/tmp/swiftlet-test-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  deinit { TemporaryFolder.remove(path) }

  private static func remove(_ path: String) {
    guard unlink(path) != 0, let folder = opendir(path) else { return }
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { remove("\(path)/\(name)") }
    }
    closedir(folder)
    rmdir(path)
  }

  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    try FileDescriptor(opening: "\(path)/\(name)", O_WRONLY | O_CREAT).writeAll(bytes)
    return "\(path)/\(name)"
  }
}

struct KernelCacheTests {
  /// The smallest ELF the parser takes: one segment of 16 bytes.
  static let elf: [UInt8] = {
    var bytes = [UInt8](repeating: 0, count: 136)
    func put(_ offset: Int, _ value: UInt64, _ width: Int) {
      for index in 0..<width {
        bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))
      }
    }
    bytes.replaceSubrange(0..<7, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
    put(16, 2, 2)
    put(18, 62, 2)
    put(20, 1, 4)
    put(24, 0x10_0000, 8)
    put(32, 64, 8)
    put(52, 64, 2)
    put(54, 56, 2)
    put(56, 1, 2)
    put(64, 1, 4)
    put(72, 120, 8)
    put(80, 0x10_0000, 8)
    put(88, 0x10_0000, 8)
    put(96, 16, 8)
    put(104, 16, 8)
    return bytes
  }()

  /// A bzImage whose payload is the sample packed with `compression`, or `contents` in a stored gzip stream.
  static func bzImage(payload: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 1024)
    func put(_ offset: Int, _ value: UInt64, _ width: Int) {
      for index in 0..<width {
        bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))
      }
    }
    bytes[0x1f1] = 1
    put(0x1fe, 0xaa55, 2)
    for (index, byte) in "HdrS".utf8.enumerated() { bytes[0x202 + index] = byte }
    put(0x206, 0x020f, 2)
    put(0x236, 1, 2)
    put(0x238, 2047, 4)
    put(0x248, 0, 4)
    put(0x24c, UInt64(payload.count), 4)
    return bytes + payload
  }

  /// RFC 1952 round a stored block of RFC 1951.
  static func storedGzip(_ contents: [UInt8]) -> [UInt8] {
    var crc: UInt32 = 0xffff_ffff
    for byte in contents {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    func word(_ value: UInt32, _ width: Int) -> [UInt8] {
      (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
    }
    let count = UInt32(contents.count)
    return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1] + word(count, 2) + word(~count, 2) + contents
      + word(~crc, 4) + word(count, 4)
  }

  private func prepare(_ path: String, in folder: String?) throws -> MachineDescription.Kernel {
    try KernelCache(folder: folder).prepare(FileDescriptor(opening: path, O_RDONLY), path: path)
  }

  private func contents(of path: String) throws -> [UInt8] {
    try FileDescriptor(opening: path, O_RDONLY).contents(limit: 1 << 20)
  }

  @Test func anELFStaysWhereItIs() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("vmlinux", Self.elf)
    #expect(try prepare(path, in: "\(folder.path)/cache") == .path(path))
    #expect(access("\(folder.path)/cache", F_OK) != 0)
  }

  @Test func aBzImageIsUnpackedOnceAndADamagedCopyReplaced() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("bzImage", Self.bzImage(payload: Self.storedGzip(Self.elf)))
    let kernel = try prepare(path, in: "\(folder.path)/a/b")
    #expect(kernel.name.hasPrefix("\(folder.path)/a/b/"))
    #expect(try contents(of: kernel.name) == Self.elf)
    var first = stat()
    #expect(stat(kernel.name, &first) == 0)
    #expect(try prepare(path, in: "\(folder.path)/a/b") == kernel)
    var second = stat()
    #expect(stat(kernel.name, &second) == 0)
    #expect(first.st_ino == second.st_ino)
    #expect(truncate(kernel.name, 10) == 0)
    #expect(try prepare(path, in: "\(folder.path)/a/b") == kernel)
    #expect(try contents(of: kernel.name) == Self.elf)
    // One that others may have written is made anew, and the name stands for one of them at every moment.
    #expect(chmod(kernel.name, 0o666) == 0)
    #expect(stat(kernel.name, &second) == 0)
    let opened = try FileDescriptor(opening: kernel.name, O_RDONLY)
    #expect(try prepare(path, in: "\(folder.path)/a/b") == kernel)
    #expect(try opened.contents(limit: 1 << 20) == Self.elf)
    var third = stat()
    #expect(stat(kernel.name, &third) == 0)
    #expect(third.st_ino != second.st_ino && third.st_mode & 0o022 == 0)
    #expect(access("\(kernel.name).\(getpid())", F_OK) != 0)
  }

  @Test(arguments: [nil, "/proc/nowhere"]) func withoutACacheItIsUnpackedToMemory(_ cache: String?) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("bzImage", Self.bzImage(payload: Self.storedGzip(Self.elf)))
    guard case .descriptor(let number, let name) = try prepare(path, in: cache) else {
      Issue.record("not a descriptor")
      return
    }
    let file = FileDescriptor(owning: number)
    #expect(name == path)
    #expect(try file.bytes(count: Self.elf.count, at: 0) == Self.elf)
    #expect(fcntl(number, F_GETFD) & FD_CLOEXEC == 0)
  }

  @Test func everyCompressionReachesItsLibrary() throws {
    let folder = try TemporaryFolder()
    for (format, packed) in PackedSamples.all {
      let size = PackedSamples.contents.count
      let tail: [UInt8] = format == .gzip ? [] : [UInt8(size & 0xff), UInt8(size >> 8), 0, 0]
      let path = try folder.write("\(format)", Self.bzImage(payload: packed + tail))
      // It unpacks, and what it holds is then found to be no kernel.
      let error = try #require(throws: Diagnostic.self) { try prepare(path, in: nil) }
      #expect(error.mend.contains("its payload is no ELF"), "\(format): \(error)")
      #expect(error.status == .badInput)
    }
  }

  @Test func everyTruncationAndLyingSizeIsRefused() throws {
    let folder = try TemporaryFolder()
    let image = Self.bzImage(payload: Self.storedGzip(Self.elf))
    for count in stride(from: 0, to: image.count, by: 7) {
      let path = try folder.write("cut-\(count)", Array(image.prefix(count)))
      let error = try #require(throws: Diagnostic.self) { try prepare(path, in: nil) }
      #expect(error.status == .badInput)
    }
    let packed = try #require(PackedSamples.all[.zstd])
    for size: [UInt8] in [[0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0xaf, 4, 0, 0], [0xb1, 4, 0, 0]] {
      let path = try folder.write(
        "lie-\(size[0])-\(size[3])-\(size[1])", Self.bzImage(payload: packed + size))
      #expect(throws: Diagnostic.self) { try prepare(path, in: nil) }
    }
  }

  @Test func reportNamesWhatItIs() throws {
    let bytes = ImageBytes(Self.bzImage(payload: Self.storedGzip(Self.elf)))
    let report = try ImageReport(of: bytes, name: "k").report
    #expect(report["format"] == .text("bzImage"))
    #expect(report["compression"] == .text("gzip"))
    #expect(report["unpacked-size"] == .number(136))
    #expect(report["entry"] == .address(0x10_0000))
    #expect(report["configuration"] == .truth(false))
  }
}
