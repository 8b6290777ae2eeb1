import Glibc
import GuestMemory
import Testing

@testable import Boot

/// An image in memory that can be loaded, for tests of what becomes of its bytes.
struct TestImage: LoadableImage {
  let contents: [UInt8]
  let memory: GuestMemory?

  init(_ contents: [UInt8], memory: GuestMemory? = nil) {
    self.contents = contents
    self.memory = memory
  }

  var size: UInt64 { UInt64(contents.count) }

  func bytes(at offset: UInt64, count: Int) throws(ImageError) -> [UInt8] {
    try ImageBytes(contents).bytes(at: offset, count: count)
  }

  func read(into slice: GuestSlice, at offset: UInt64) throws(ImageError) {
    let part = try bytes(at: offset, count: slice.count)
    do { try memory?.copyIn(part.span.bytes, to: slice) } catch { throw .unreadable("\(error)") }
  }
}

/// Makes small ELF files, correct unless told otherwise.
struct TestELF {
  struct Header {
    var type: UInt32 = 1
    var offset: UInt64 = 0x1000
    var address: UInt64 = 0x10_0000
    var fileSize: UInt64 = 0x10
    var memorySize: UInt64 = 0x2000
  }

  var headers = [Header()]
  var entry: UInt64 = 0x10_0000
  var size = 0x1010

  var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    bytes.replaceSubrange(0..<7, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
    bytes.put(UInt16(2), at: 16)
    bytes.put(UInt16(62), at: 18)
    bytes.put(UInt32(1), at: 20)
    bytes.put(entry, at: 24)
    bytes.put(UInt64(64), at: 32)
    bytes.put(UInt16(64), at: 52)
    bytes.put(UInt16(56), at: 54)
    bytes.put(UInt16(headers.count), at: 56)
    for (index, header) in headers.enumerated() {
      let at = 64 + 56 * index
      bytes.put(header.type, at: at)
      bytes.put(header.offset, at: at + 8)
      bytes.put(header.address, at: at + 16)
      bytes.put(header.address, at: at + 24)
      bytes.put(header.fileSize, at: at + 32)
      bytes.put(header.memorySize, at: at + 40)
    }
    return bytes
  }

  /// The same with one note in a second program header.
  func with(note type: UInt32, owner: String, _ contents: [UInt8]) -> [UInt8] {
    var note: [UInt8] = []
    note.append(number: UInt32(owner.utf8.count + 1))
    note.append(number: UInt32(contents.count))
    note.append(number: type)
    note += Array(owner.utf8)
    note += [UInt8](repeating: 0, count: 4 - owner.utf8.count % 4)
    note += contents
    var copy = self
    copy.headers.append(
      Header(type: 4, offset: 0x800, address: 0, fileSize: UInt64(note.count), memorySize: UInt64(note.count))
    )
    var bytes = copy.bytes
    bytes.replaceSubrange(0x800..<(0x800 + note.count), with: note)
    return bytes
  }
}

extension MachineLayout {
  /// Two processors, 128 MiB, three virtio devices and an initrd.
  static var example: MachineLayout {
    MachineLayout(
      memory: [0..<0x800_0000], cpuCount: 2, virtio: (0..<3).compactMap { VirtioWindow(index: $0) },
      hasSerial: true, kernel: 0x100_0000..<0x1c1_6000, initrd: 0x200_0000..<0x210_0000,
      commandLine: "console=hvc0 root=/dev/vda")
  }
}

extension [UInt8] {
  func number<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type, _ offset: Int) -> Value? {
    ByteView(self).number(type, at: offset)
  }
}

/// A file that is removed at the end of the test.
struct ScratchFolder: ~Copyable {
  let path: String

  init() throws {
    var template = Array("/tmp/swiftlet-boot-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  func write(_ bytes: [UInt8], _ name: String) throws -> String {
    let target = path + "/" + name
    let file = try #require(fopen(target, "w"))
    defer { fclose(file) }
    try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    return target
  }

  deinit { _ = runTool("rm -rf \(path)") }
}

/// What a shell command prints on both streams, and its exit status.
func runTool(_ command: String) -> (output: String, status: Int32) {
  guard let pipe = popen(command + " 2>&1", "r") else { return ("", -1) }
  var bytes: [UInt8] = []
  while case let byte = getc(pipe), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
  return (String(decoding: bytes, as: UTF8.self), pclose(pipe) >> 8)
}

/// For tests that need a tool: says which one is missing when they are skipped.
func has(_ tool: String) -> Bool {
  if runTool("command -v \(tool)").status == 0 { return true }
  print("skipped: no \(tool) on this machine")
  return false
}
