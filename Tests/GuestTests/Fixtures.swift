import Foundation
import Glibc

/// A folder of files to give to the programs, with shell commands run in it; removed at the end.
final class Fixtures {
  private let folder: URL

  struct Result {
    let status: Int32
    let output: String
    let error: String
  }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let hello = try Data(contentsOf: URL(fileURLWithPath: BareGuest.path("hello")))
    let image = Fixtures.bzImage(payload: try Fixtures.gzip(hello))
    var (elf32, arm64, big) = (hello, hello, hello)
    // EI_CLASS, e_machine, and the first program header's p_memsz.
    (elf32[4], arm64[18], big[64 + 44]) = (1, 0xB7, 1)
    var corrupt = image
    for index in 1100..<1140 { corrupt[index] ^= 0xFF }
    let files: [String: Data] = [
      "hello": hello, "elf32": elf32, "arm64": arm64, "big": big, "cut-elf": hello.prefix(hello.count / 2),
      "bzImage": image, "corrupt-bzImage": corrupt, "cut-bzImage": image.prefix(image.count - 100),
      "cut-header": image.prefix(0x210), "empty": Data(), "odd": Data(count: 1000),
      "zeros": Data(count: 4096), "packed": try Fixtures.gzip(hello),
      "qcow2": Data("QFI\u{1}".utf8.dropLast()) + [0xFB] + Data(count: 4092),
      "disk": Data(repeating: 0x5A, count: 1 << 16), "text": Data("not a kernel\n".utf8), "private": hello,
      "broken.json": Data(#"{"boot-source": "#.utf8),
      "field.json": Data(#"{"boot-source": {"kernel_image_path": "hello", "speed": 9}}"#.utf8),
      "nul.json": Data(#"{"boot-source": {"kernel_image_path": "hello", "boot_args": "a\u0000b"}}"#.utf8),
    ]
    for (name, contents) in files { try contents.write(to: folder.appendingPathComponent(name)) }
    for name in ["hello", "disk"] { chmod(path(name), 0o644) }
    chmod(path("private"), 0o600)
    mkfifo(path("fifo"), 0o600)
    symlink("loop", path("loop"))
    makeSocket()
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  /// A socket that nobody listens on.
  private func makeSocket() {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path("socket").utf8).prefix(MemoryLayout.size(ofValue: address.sun_path) - 1)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  private static func gzip(_ contents: Data) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/gzip")
    let (input, output) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput) = (input, output)
    try process.run()
    let writer = Thread {
      try? input.fileHandleForWriting.write(contentsOf: contents)
      try? input.fileHandleForWriting.close()
    }
    writer.start()
    let packed = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return packed
  }

  /// The boot protocol's header, version 2.15, with one sector of set-up code, and a payload after it.
  private static func bzImage(payload: Data) -> Data {
    var image = Data(count: 1024)
    func put(_ value: Int, at offset: Int, _ width: Int) {
      for index in 0..<width { image[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
    }
    put(1, at: 0x1F1, 1)
    put(0xAA55, at: 0x1FE, 2)
    image.replaceSubrange(0x202..<0x206, with: Data("HdrS".utf8))
    put(0x20F, at: 0x206, 2)
    put(1, at: 0x236, 2)
    put(2047, at: 0x238, 4)
    put(payload.count, at: 0x24C, 4)
    return image + payload
  }

  /// What is in the folder: names, and the contents of those that are files.
  func contents() throws -> [String: Data] {
    var found: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      var status = stat()
      lstat(path(name), &status)
      let isFile = status.st_mode & S_IFMT == S_IFREG
      found[name] = isFile ? try Data(contentsOf: folder.appendingPathComponent(name)) : Data()
    }
    return found
  }

  /// Runs shell commands, with `$S` for swiftlet and `$V` for the monitor.
  func run(_ commands: String, limit: Int = 60) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["--signal=KILL", "\(limit)", "/bin/sh", "-c", commands]
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging([
      "S": Program.folder.appendingPathComponent("swiftlet").path,
      "V": Program.folder.appendingPathComponent("swiftlet-vmm").path,
      "XDG_CACHE_HOME": "/proc/nowhere", "SWIFT_BACKTRACE": "enable=no",
    ]) { $1 }
    let (output, error) = (path("stdout"), path("stderr"))
    for name in [output, error] { _ = FileManager.default.createFile(atPath: name, contents: nil) }
    defer { for name in [output, error] { unlink(name) } }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: error)
    try process.run()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: (try? String(contentsOfFile: output, encoding: .utf8)) ?? "",
      error: (try? String(contentsOfFile: error, encoding: .utf8)) ?? "")
  }
}
