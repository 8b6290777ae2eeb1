import Backends
import Devices
import Foundation
import GuestMemory
import LinuxSystem
import Testing

/// A folder that is gone with the test.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "swiftlet-backends-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    let path = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  func contents(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)))
  }
}

@Suite struct DiskFileTests {
  let folder: TemporaryFolder
  let memory: GuestMemory

  init() throws {
    folder = try TemporaryFolder()
    memory = try GuestMemory(size: 4 << 20)
  }

  func open(_ path: String, readOnly: Bool = false) throws -> DiskFile {
    try DiskFile(path: path, readOnly: readOnly, serialNumber: "one") { _ in }
  }

  func error(_ path: String, readOnly: Bool = false) -> DiskError? {
    do throws(DiskError) {
      _ = try DiskFile(path: path, readOnly: readOnly, serialNumber: "") { _ in }
      return nil
    } catch {
      return error
    }
  }

  @Test func transfersInManySlices() throws {
    let pattern = (0..<1024 * 512).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 512) }
    let disk = try open(folder.file("disk", pattern))
    #expect(disk.sectorCount == 1024)
    // More slices than one system call takes, of unequal lengths.
    var slices: [GuestSlice] = []
    var address: UInt64 = 0x1000
    for number in UInt64(0)..<600 {
      let count = number % 2 == 0 ? UInt64(100) : 412
      slices.append(try memory.slice(at: GuestAddress(address), count: count))
      address += count
    }
    let total = 300 * 512
    try disk.read(into: slices, of: memory, at: 512)
    #expect(
      try memory.bytes(at: GuestAddress(0x1000), count: UInt64(total)) == Array(pattern[512..<512 + total]))
    try disk.write(slices, of: memory, at: 0)
    try disk.flush()
    #expect(try folder.contents("disk") == Array(pattern[512..<512 + total] + pattern[total...]))
  }

  @Test func refusesWhatIsNoDisk() throws {
    #expect(try error(folder.file("odd", [UInt8](repeating: 0, count: 513))) == .sizeNotInSectors(513))
    #expect(try error(folder.file("empty", [])) == .empty)
    #expect(error(folder.path) == .notAFile)
    #expect(error(folder.path, readOnly: true) == .notAFile)
    #expect(error("/dev/null") == .notAFile)
    guard case .cannotOpen(let missing) = error(folder.path + "/missing") else {
      Issue.record("a missing file was opened")
      return
    }
    #expect(missing.code == ENOENT)
  }

  @Test func aWriterExcludesEveryoneReadersEachOtherNot() throws {
    let path = try folder.file("disk", [UInt8](repeating: 0, count: 512))
    do {
      let writer = try open(path)
      #expect(error(path) == .inUse)
      #expect(error(path, readOnly: true) == .inUse)
      try writer.flush()
    }
    let first = try open(path, readOnly: true)
    #expect(error(path, readOnly: true) == nil)
    #expect(error(path) == .inUse)
    #expect(first.isReadOnly)
  }

  @Test func aFileThatBecomesShorterFailsOnceForTheUser() throws {
    let path = try folder.file("disk", [UInt8](repeating: 0, count: 4096))
    var reports: [SystemError] = []
    let disk = try DiskFile(path: path, readOnly: false, serialNumber: "") { reports.append($0) }
    try FileHandle(forWritingTo: URL(fileURLWithPath: path)).truncate(atOffset: 512)
    let slice = try memory.slice(at: GuestAddress(0), count: 1024)
    for _ in 0..<3 {
      #expect(throws: BlockStoreFailure.self) { try disk.read(into: [slice], of: memory, at: 0) }
    }
    #expect(reports.count == 1)
  }
}

@Suite struct HostEntropyTests {
  @Test func fillsAllSlices() throws {
    let memory = try GuestMemory(size: 1 << 20)
    let entropy = try HostEntropy()
    let slices = try [
      memory.slice(at: GuestAddress(0), count: 4096), memory.slice(at: GuestAddress(0x8000), count: 4096),
    ]
    #expect(entropy.fill(slices, of: memory) == 8192)
    for slice in slices { #expect(Set(memory.bytes(slice)).count > 200) }
    #expect(try memory.bytes(at: GuestAddress(4096), count: 4096).allSatisfy { $0 == 0 })
  }
}
