import Devices
import Foundation
import GuestMemory
import LinuxSystem
import Testing

@testable import Backends

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

/// How a disk's file is used; every way must do the same.
struct DiskWay: CustomTestStringConvertible, Sendable {
  let isDirect: Bool
  let usesRing: Bool

  static let all = [false, true].flatMap { isDirect in
    [false, true].map { DiskWay(isDirect: isDirect, usesRing: $0) }
  }

  var testDescription: String { (isDirect ? "direct, " : "cached, ") + (usesRing ? "io_uring" : "sync") }
}

/// A disk that is waited for.
final class WaitedDisk: BlockStoreClient {
  let file: DiskFile
  let memory: GuestMemory
  private var ended: [UInt64: BlockOutcome] = [:]
  private var nextTicket: UInt64 = 1

  init(_ file: DiskFile, _ memory: GuestMemory) {
    self.file = file
    self.memory = memory
    file.client = self
  }

  func finished(_ ticket: UInt64, _ outcome: BlockOutcome) { ended[ticket] = outcome }

  func transfer(_ kind: BlockTransfer, _ slices: [GuestSlice], at offset: UInt64) -> BlockOutcome {
    wait { file.transfer(kind, slices, of: memory, at: offset, ticket: $0) }
  }

  func flush() -> BlockOutcome { wait { file.flush(ticket: $0) } }

  private func wait(_ operation: (UInt64) -> BlockOutcome) -> BlockOutcome {
    let ticket = nextTicket
    nextTicket += 1
    let outcome = operation(ticket)
    guard outcome == .pending else { return outcome }
    file.submit()
    while true {
      if let outcome = ended.removeValue(forKey: ticket) { return outcome }
      usleep(100)
      file.reap()
    }
  }
}

@Suite struct DiskFileTests {
  let folder: TemporaryFolder
  let memory: GuestMemory

  init() throws {
    folder = try TemporaryFolder()
    memory = try GuestMemory(size: 4 << 20)
  }

  func open(
    _ path: String, _ way: DiskWay = DiskWay.all[0], readOnly: Bool = false,
    reports: @escaping (SystemError) -> Void = { _ in }
  ) throws -> WaitedDisk {
    let file = try DiskFile(
      path: path,
      .init(readOnly: readOnly, serialNumber: "one", isDirect: way.isDirect, usesRing: way.usesRing),
      reportFailure: reports)
    #expect(file.ringRefusal == nil)
    return WaitedDisk(file, memory)
  }

  func error(_ path: String, readOnly: Bool = false, isDirect: Bool = false) -> DiskError? {
    do throws(DiskError) {
      _ = try DiskFile(path: path, .init(readOnly: readOnly, isDirect: isDirect)) { _ in }
      return nil
    } catch {
      return error
    }
  }

  func slice(_ address: UInt64, _ count: Int) throws -> GuestSlice {
    try memory.slice(at: GuestAddress(address), count: UInt64(count))
  }

  /// Unlike `==`, says nothing of where they differ, which of millions takes for ever.
  func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool { left == right }

  static func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 512) }
  }

  @Test(arguments: DiskWay.all) func transfersInManySlices(way: DiskWay) throws {
    let pattern = Self.pattern(1024 * 512)
    let disk = try open(folder.file("disk", pattern), way)
    #expect(disk.file.sectorCount == 1024)
    // More slices than one system call takes, of unequal lengths.
    var slices: [GuestSlice] = []
    var address: UInt64 = 0x1000
    for number in 0..<600 {
      slices.append(try slice(address, number % 2 == 0 ? 100 : 412))
      address += number % 2 == 0 ? 100 : 412
    }
    let total = 300 * 512
    #expect(disk.transfer(.read, slices, at: 512) == .done)
    #expect(
      try isSame(
        memory.bytes(at: GuestAddress(0x1000), count: UInt64(total)), Array(pattern[512..<512 + total])))
    #expect(disk.transfer(.write, slices, at: 0) == .done)
    #expect(disk.flush() == .done)
    #expect(try isSame(folder.contents("disk"), Array(pattern[512..<512 + total] + pattern[total...])))
  }

  /// Aligned in memory and on disk or not, in one piece or several, longer than what bounces at a time.
  @Test(arguments: DiskWay.all) func transfersWhateverTheAlignment(way: DiskWay) throws {
    let pattern = Self.pattern(4 << 20)
    let disk = try open(folder.file("disk", pattern), way)
    let big = try GuestMemory(size: 8 << 20)
    let wide = WaitedDisk(disk.file, big)
    var expected = pattern
    for (address, lengths, offset) in [
      (0x1000, [4096], 4096), (0x1000, [4096, 8192], 8192), (0x1001, [4096], 4096), (0x1200, [512], 512),
      (0x1003, [1 << 20, 1 << 20, 65_536], 65_536), (0x1000, [100, 412], 1024), (0x1000, [3 << 20], 0),
      (0x1000, [512], (4 << 20) - 512),
    ] as [(UInt64, [Int], UInt64)] {
      var place = address
      let slices = try lengths.map { length in
        defer { place += UInt64(length) + 1024 }
        return try big.slice(at: GuestAddress(place), count: UInt64(length))
      }
      let total = lengths.reduce(0, +)
      #expect(wide.transfer(.read, slices, at: offset) == .done)
      #expect(isSame(slices.flatMap { big.bytes($0) }, Array(expected[Int(offset)..<Int(offset) + total])))
      let new = (0..<total).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ Int(offset) &+ 3) }
      var done = 0
      for slice in slices {
        try big.copyIn(Array(new[done..<done + slice.count]).span, to: slice)
        done += slice.count
      }
      #expect(wide.transfer(offset == 0 ? .stableWrite : .write, slices, at: offset) == .done)
      expected.replaceSubrange(Int(offset)..<Int(offset) + total, with: new)
    }
    #expect(wide.flush() == .done)
    #expect(try isSame(folder.contents("disk"), expected))
  }

  @Test(arguments: DiskWay.all) func manyTransfersAtATime(way: DiskWay) throws {
    let pattern = Self.pattern(512 << 10)
    let file = try open(folder.file("disk", pattern), way).file
    let counter = CountingClient()
    file.client = counter
    var pending = 0
    for number in 0..<128 {
      let slice = try slice(UInt64(number) * 4096, 4096)
      let outcome = file.transfer(
        .read, [slice], of: memory, at: UInt64(number) * 4096, ticket: UInt64(number))
      #expect(outcome == (way.usesRing ? .pending : .done))
      pending += outcome == .pending ? 1 : 0
    }
    if way.usesRing {
      #expect(file.transfer(.read, [try slice(0, 4096)], of: memory, at: 0, ticket: 0) == .busy)
    }
    file.submit()
    while counter.outcomes.count < pending {
      usleep(100)
      file.reap()
    }
    #expect(counter.outcomes.allSatisfy { $0.value == .done })
    #expect(try isSame(memory.bytes(at: GuestAddress(0), count: 512 << 10), pattern))
  }

  @Test func settlingWaitsAndTellsNobody() throws {
    let file = try open(folder.file("disk", Self.pattern(1 << 20)), DiskWay(isDirect: true, usesRing: true))
      .file
    let counter = CountingClient()
    file.client = counter
    #expect(file.transfer(.read, [try slice(0, 1 << 20)], of: memory, at: 0, ticket: 9) == .pending)
    file.settle()
    #expect(try isSame(memory.bytes(at: GuestAddress(0), count: 1 << 20), Self.pattern(1 << 20)))
    file.reap()
    #expect(counter.outcomes.isEmpty)
  }

  /// The buffers outlive the disk and everybody's interest in the memory.
  @Test func aDiskMayEndWithTransfersUnderWay() throws {
    let path = try folder.file("disk", Self.pattern(4 << 20))
    for _ in 0..<20 {
      let memory = try GuestMemory(size: 8 << 20)
      let file = try DiskFile(path: path, .init(isDirect: true, usesRing: true)) { _ in }
      let slice = try memory.slice(at: GuestAddress(0), count: 4 << 20)
      #expect(file.transfer(.read, [slice], of: memory, at: 0, ticket: 0) == .pending)
      file.submit()
    }
  }

  // MARK: Lengths

  @Test(arguments: DiskWay.all) func theLastBlockIsFilledUpWithZeros(way: DiskWay) throws {
    let pattern = Self.pattern(5000)
    let disk = try open(folder.file("disk", pattern), way)
    let length = Int(disk.file.sectorCount) * 512
    #expect(length == 5120 || (way.isDirect && length == 8192))
    memory.fill(try slice(0, 1 << 16), with: 0xCC)
    #expect(disk.transfer(.read, [try slice(0, length)], at: 0) == .done)
    #expect(
      try isSame(
        memory.bytes(at: GuestAddress(0), count: UInt64(length)),
        pattern + [UInt8](repeating: 0, count: length - 5000)))
    #expect(disk.transfer(.read, [try slice(1, 512)], at: 4608) == .done)
    #expect(
      try isSame(
        memory.bytes(at: GuestAddress(1), count: 512),
        pattern[4608...]
          + [UInt8](repeating: 0, count: 120)))
    // Discarding there changes nothing, writing makes the file longer.
    #expect(disk.file.writeZeroes(at: UInt64(length - 512), count: 512, mayUnmap: false) == .done)
    #expect(try folder.contents("disk").count == 5000)
    memory.fill(try slice(0, length), with: 7)
    #expect(disk.transfer(.write, [try slice(0, length)], at: 0) == .done)
    #expect(try isSame(folder.contents("disk"), [UInt8](repeating: 7, count: length)))
    // What was written there has its place in the file now, and becomes zeros with the rest.
    #expect(disk.file.writeZeroes(at: UInt64(length - 512), count: 512, mayUnmap: false) == .done)
    #expect(disk.file.writeZeroes(at: 4096, count: 512, mayUnmap: true) == .done)
    #expect(disk.file.discard(at: 4608, count: 512) == .done)
    let zeroed = [4096..<5120, length - 512..<length]
    #expect(
      try isSame(
        folder.contents("disk"),
        (0..<length).map { place in zeroed.contains { $0.contains(place) } ? 0 : 7 }))
    #expect(!disk.file.updateLength())
  }

  @Test func growthIsNoticed() throws {
    let path = try folder.file("disk", [UInt8](repeating: 1, count: 5000))
    let disk = try open(path)
    guard let watch = disk.file.makeWatch() else {
      Issue.record("no watch")
      return
    }
    func isTold() -> Bool { (try? watch.descriptor.read(upTo: 4096)) != nil }
    // What the disk itself writes is not told.
    #expect(disk.transfer(.write, [try slice(0, 512)], at: 0) == .done)
    #expect(disk.flush() == .done)
    #expect(!isTold())
    #expect(!disk.file.updateLength())
    let other = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try other.truncate(atOffset: 5100)
    try other.close()
    #expect(isTold())
    #expect(!disk.file.updateLength())
    #expect(truncate(path, 9000) == 0)
    #expect(utimes(path, nil) == 0)
    #expect(isTold())
    #expect(disk.file.updateLength())
    #expect(disk.file.sectorCount == 18)
    #expect(truncate(path, 512) == 0)
    #expect(!disk.file.updateLength())
    #expect(disk.file.sectorCount == 18)
  }

  // MARK: What the kernel is asked

  /// A pipe cannot be synchronized: in the file's place it shows that the kernel is asked to, and what is made of its
  /// answer.
  @Test(arguments: DiskWay.all) func everyFlushReachesTheKernelUntilOneFails(way: DiskWay) throws {
    var reports: [SystemError] = []
    let disk = try open(folder.file("disk", Self.pattern(16384)), way) { reports.append($0) }
    #expect(disk.transfer(.write, [try slice(0, 4096)], at: 0) == .done)
    #expect(disk.flush() == .done)
    let file = try FileDescriptor(duplicating: disk.file.file.raw)
    let pipe = Pipe()
    #expect(dup2(pipe.fileHandleForReading.fileDescriptor, disk.file.file.raw) != -1)
    #expect(disk.flush() == .failed)
    #expect(reports.map(\.call) == ["fdatasync"])
    #expect(dup2(file.raw, disk.file.file.raw) != -1)
    #expect(disk.flush() == .failed)
    #expect(reports.count == 1)
  }

  /// A ring's transfers wait for the disk, as all others.
  @Test(arguments: DiskWay.all) func theFileIsNotLeftNonBlocking(way: DiskWay) throws {
    let disk = try open(folder.file("disk", Self.pattern(4096)), way)
    #expect(fcntl(disk.file.file.raw, F_GETFL) & O_NONBLOCK == 0)
    if let direct = disk.file.direct { #expect(fcntl(direct.descriptor.raw, F_GETFL) & O_NONBLOCK == 0) }
  }

  // MARK: Holes and zeros

  func blocks(_ name: String) -> Int {
    var status = stat()
    return stat(folder.path + "/" + name, &status) == 0 ? Int(status.st_blocks) : -1
  }

  @Test(arguments: DiskWay.all) func discardMakesHolesAndZeroesDoNotNeedTo(way: DiskWay) throws {
    let disk = try open(folder.file("disk", [UInt8](repeating: 9, count: 4 << 20)), way)
    let all = blocks("disk")
    #expect(disk.file.discard(at: 1 << 20, count: 1 << 20) == .done)
    #expect(blocks("disk") == all - 2048)
    #expect(disk.file.writeZeroes(at: 2 << 20, count: 512 << 10, mayUnmap: true) == .done)
    #expect(blocks("disk") == all - 3072)
    #expect(disk.file.writeZeroes(at: (3 << 20) + 512, count: 512 << 10, mayUnmap: false) == .done)
    #expect(blocks("disk") == all - 3072)
    let bytes = try folder.contents("disk")
    #expect(bytes.count == 4 << 20)
    var expected = [UInt8](repeating: 9, count: 4 << 20)
    for (start, count) in [(1 << 20, 1 << 20), (2 << 20, 512 << 10), ((3 << 20) + 512, 512 << 10)] {
      expected.replaceSubrange(start..<start + count, with: [UInt8](repeating: 0, count: count))
    }
    #expect(isSame(bytes, expected))
    // And as the guest sees it.
    #expect(disk.transfer(.read, [try slice(0, 2 << 20)], at: 1 << 20) == .done)
    #expect(try isSame(memory.bytes(at: GuestAddress(0), count: 2 << 20), Array(expected[1 << 20..<3 << 20])))
  }

  /// tmpfs has holes, but no ranges of zeros.
  @Test func zeroesAreWrittenWhereTheFileSystemCanDoNoBetter() throws {
    let path = "/dev/shm/swiftlet-\(UUID().uuidString)"
    try Data(repeating: 9, count: 300_000).write(to: URL(fileURLWithPath: path))
    defer { unlink(path) }
    let disk = try open(path)
    #expect(disk.file.writeZeroes(at: 1024, count: 150_016, mayUnmap: false) == .done)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    #expect(bytes.count == 300_000)
    #expect(bytes.indices.allSatisfy { bytes[$0] == ((1024..<151_040).contains($0) ? 0 : 9) })
  }

  @Test func aReadOnlyDiskIsNotChanged() throws {
    let disk = try open(folder.file("disk", [UInt8](repeating: 9, count: 4096)), readOnly: true)
    #expect(disk.file.discard(at: 0, count: 4096) == .failed)
    #expect(disk.file.writeZeroes(at: 0, count: 4096, mayUnmap: false) == .failed)
    #expect(try isSame(folder.contents("disk"), [UInt8](repeating: 9, count: 4096)))
  }

  // MARK: What is refused

  @Test func refusesWhatIsNoDisk() throws {
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
      let writer = try open(path, DiskWay(isDirect: true, usesRing: false))
      #expect(error(path) == .inUse)
      #expect(error(path, readOnly: true) == .inUse)
      #expect(writer.flush() == .done)
    }
    let first = try open(path, readOnly: true)
    #expect(error(path, readOnly: true) == nil)
    #expect(error(path) == .inUse)
    #expect(first.file.isReadOnly)
  }

  @Test(arguments: DiskWay.all) func aFileThatBecomesShorterFailsOnceForTheUser(way: DiskWay) throws {
    let path = try folder.file("disk", [UInt8](repeating: 0, count: 16384))
    var reports: [SystemError] = []
    let disk = try open(path, way) { reports.append($0) }
    try FileHandle(forWritingTo: URL(fileURLWithPath: path)).truncate(atOffset: 4096)
    for _ in 0..<3 { #expect(disk.transfer(.read, [try slice(0, 8192)], at: 0) == .failed) }
    #expect(reports.count == 1)
  }
}

private final class CountingClient: BlockStoreClient {
  private(set) var outcomes: [UInt64: BlockOutcome] = [:]
  func finished(_ ticket: UInt64, _ outcome: BlockOutcome) { outcomes[ticket] = outcome }
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
