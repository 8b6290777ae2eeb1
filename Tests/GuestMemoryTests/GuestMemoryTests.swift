import Glibc
import LinuxSystem
import Testing

@testable import GuestMemory

struct GuestMemoryTests {
  private let mebibyte: UInt64 = 1 << 20

  @Test func releasesWholePagesOnly() throws {
    let memory = try GuestMemory(size: 4 << 20)
    let all = try memory.slice(at: GuestAddress(0), count: 16 << 12)
    memory.fill(all, with: 7)
    #expect(try memory.release(memory.slice(at: GuestAddress(4097), count: 3 << 12)) == 2 << 12)
    let bytes = memory.bytes(all)
    #expect(bytes[..<8192].allSatisfy { $0 == 7 })
    #expect(bytes[8192..<16384].allSatisfy { $0 == 0 })
    #expect(bytes[16384...].allSatisfy { $0 == 7 })
    #expect(try memory.release(memory.slice(at: GuestAddress(20481), count: 4096)) == 0)
    #expect(try memory.release(.empty) == 0)
    memory.fill(all, with: 8)
    #expect(memory.bytes(all).allSatisfy { $0 == 8 })
  }

  /// By mincore(2), which tells of each page whether it is there.
  @Test func populatesWholePagesOfASliceAndNoOthers() throws {
    let memory = try GuestMemory(size: 4 << 20)
    var pages = [UInt8](repeating: 0, count: 1024)
    memory.populate(try memory.slice(at: GuestAddress(4097), count: 3 << 12))
    memory.populate(try memory.slice(at: GuestAddress(1 << 20 + 1), count: 4096))
    memory.populate(.empty)
    try #require(mincore(memory.base, 4 << 20, &pages) == 0)
    #expect(pages.indices.filter { pages[$0] & 1 == 1 } == [2, 3])
    #expect(memory.bytes(try memory.slice(at: GuestAddress(0), count: 5 << 12)).allSatisfy { $0 == 0 })
  }

  @Test func leavesAHoleBelowFourGigabytes() throws {
    let memory = try GuestMemory(size: 5 << 30)
    #expect(memory.ranges.map(\.start.value) == [0, 1 << 32])
    #expect(memory.ranges.map(\.count) == [3 << 30, 2 << 30])
    try memory.store(UInt32(0x1122_3344), at: GuestAddress((6 << 30) - 4))
    #expect(try memory.load(UInt32.self, at: GuestAddress((6 << 30) - 4)) == 0x1122_3344)
  }

  private static let notRAM: [(UInt64, UInt64)] = [
    (0xC000_0000, 1), (0xBFFF_FFFF, 2), (0xFFFF_FFFF, 2), (0x1_8000_0000, 1), (0xFFFF_FFFF, 0x2_0000_0000),
    (UInt64.max, 1), (UInt64.max, UInt64.max), (0, UInt64.max),
  ]

  @Test(arguments: notRAM) func refusesWhatIsNotRAM(address: UInt64, count: UInt64) throws {
    let memory = try GuestMemory(size: 5 << 30)
    #expect(throws: GuestMemoryError.unbacked(GuestAddress(address), count: count)) {
      try memory.slice(at: GuestAddress(address), count: count)
    }
  }

  @Test func takesTheLastByteOfEachStretch() throws {
    let memory = try GuestMemory(size: 5 << 30)
    #expect(try memory.slice(at: GuestAddress(0xC000_0000 - 1), count: 1).count == 1)
    #expect(try memory.slice(at: GuestAddress((6 << 30) - 1), count: 1).count == 1)
    #expect(try memory.slice(at: GuestAddress(0xC000_0000), count: 0).count == 0)
  }

  @Test func keepsSlicesInsideThemselves() throws {
    let memory = try GuestMemory(size: mebibyte)
    let slice = try memory.slice(at: GuestAddress(4096), count: 100)
    #expect(try slice.slice(from: 90, count: 10).count == 10)
    for (start, count) in [(-1, 1), (0, 101), (100, 1), (1, Int.max), (Int.max, 1), (0, -1)] {
      #expect(throws: GuestMemoryError.outOfSlice) { try slice.slice(from: start, count: count) }
    }
    #expect(throws: GuestMemoryError.outOfSlice) { try memory.load(UInt64.self, in: slice, offset: 93) }
    #expect(throws: GuestMemoryError.outOfSlice) {
      try memory.copyIn([UInt8](repeating: 1, count: 11).span.bytes, to: slice, offset: 90)
    }
  }

  @Test func storesLittleEndianAtAnyAlignment() throws {
    let memory = try GuestMemory(size: mebibyte)
    try memory.store(UInt64(0x0807_0605_0403_0201), at: GuestAddress(4093))
    #expect(try memory.bytes(at: GuestAddress(4093), count: 8) == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(try memory.load(UInt16.self, at: GuestAddress(4094)) == 0x0302)
  }

  @Test func wantsAlignedRingIndices() throws {
    let memory = try GuestMemory(size: mebibyte)
    try memory.storeRelease(0xABCD, at: GuestAddress(2))
    #expect(try memory.loadAcquire(at: GuestAddress(2)) == 0xABCD)
    #expect(throws: GuestMemoryError.misaligned(GuestAddress(3))) {
      try memory.loadAcquire(at: GuestAddress(3))
    }
    #expect(throws: GuestMemoryError.unbacked(GuestAddress(mebibyte), count: 2)) {
      try memory.loadAcquire(at: GuestAddress(mebibyte))
    }
  }

  @Test func scattersAFileOverSlices() throws {
    let memory = try GuestMemory(size: mebibyte)
    let file = try temporaryFile()
    try file.writeAll(Array("abcdefgh".utf8))
    let list = ScatterList(memory: memory, capacity: 2)
    #expect(list.append(try memory.slice(at: GuestAddress(100), count: 3)))
    #expect(list.append(try memory.slice(at: GuestAddress(200), count: 9)))
    #expect(!list.append(try memory.slice(at: GuestAddress(300), count: 1)))
    #expect(list.byteCount == 12)
    #expect(try list.read(from: file, at: 1) == 7)
    #expect(try memory.bytes(at: GuestAddress(100), count: 3) == Array("bcd".utf8))
    #expect(try memory.bytes(at: GuestAddress(200), count: 5) == Array("efgh\0".utf8))
    list.removeFirst(5)
    #expect((list.count, list.byteCount) == (1, 7))
    list.removeFirst(7)
    #expect((list.count, list.byteCount) == (0, 0))
  }
}

/// An empty file without a name.
private func temporaryFile() throws -> FileDescriptor {
  // O_TMPFILE | O_RDWR
  try FileDescriptor(opening: "/tmp", 0o2020_0002)
}
