import GuestMemory
import Testing

@testable import HostProfile

/// Page tables as a guest's kernel makes them, walked as the processor would.
struct PageWalkTests {
  private let memory: GuestMemory
  private static let linear: UInt64 = 0xFFFF_8880_0040_3008
  private static let tables: [UInt64] = [0x1000, 0x2000, 0x3000, 0x4000]
  private static let (present, writable, accessed, dirty, large) = (
    UInt64(1), UInt64(2), UInt64(0x20), UInt64(0x40), UInt64(0x80)
  )

  /// Four levels lead from 0x1000 to the page at 0x5000.
  init() throws {
    memory = try GuestMemory(size: 0x80_0000)
    for level in 0..<4 { try setEntry(level, next: 0x1000 * UInt64(level + 2), Self.writable) }
  }

  private func place(_ level: Int) -> GuestAddress {
    GuestAddress(Self.tables[level] + (Self.linear >> UInt64(39 - 9 * level) & 511) * 8)
  }

  private func setEntry(_ level: Int, next: UInt64, _ flags: UInt64) throws {
    try memory.store(next | Self.present | flags, at: place(level))
  }

  private func flags(_ level: Int) throws -> UInt64 { try memory.load(UInt64.self, at: place(level)) & 0xFFF }

  private func walk(write: Bool = false, protected: Bool = true, root: UInt64 = 0x1FFF) throws
    -> PageWalk.Outcome
  {
    // The low bits of CR3 are no part of the address.
    try PageWalk(root: root, isWriteProtected: protected)
      .translate(Self.linear, isWrite: write, memory: memory)
  }

  @Test func findsThePageAndMarksIt() throws {
    #expect(try walk() == .physical(GuestAddress(0x5008)))
    for level in 0..<4 { #expect(try flags(level) == Self.present | Self.writable | Self.accessed) }
    #expect(try walk(write: true) == .physical(GuestAddress(0x5008)))
    #expect(try flags(3) & Self.dirty != 0)
    #expect(try flags(2) & Self.dirty == 0)
  }

  @Test(arguments: 0..<4) func faultsWhereNothingIsPresent(level: Int) throws {
    try memory.store(UInt64(0x5000) | Self.writable, at: place(level))
    #expect(try walk() == .fault(0))
    #expect(try walk(write: true) == .fault(2))
  }

  /// A page that two processes share until one writes to it.
  @Test(arguments: 0..<4) func faultsWhereAReadOnlyPageIsWritten(level: Int) throws {
    try setEntry(level, next: 0x1000 * UInt64(level + 2), 0)
    #expect(try walk(write: true) == .fault(3))
    #expect(try flags(3) & Self.dirty == 0)
    #expect(try walk() == .physical(GuestAddress(0x5008)))
    #expect(try walk(write: true, protected: false) == .physical(GuestAddress(0x5008)))
  }

  @Test func findsLargePages() throws {
    try setEntry(2, next: 0x40_0000, Self.writable | Self.large)
    #expect(try walk(write: true) == .physical(GuestAddress(0x40_3008)))
    try setEntry(1, next: 0x4000_0000, Self.writable | Self.large)
    #expect(try walk() == .physical(GuestAddress(0x4000_0000 + 0x40_3008)))
  }

  @Test func refusesTablesOutsideRAM() throws {
    #expect(throws: GuestMemoryError.self) { try walk(root: 0x4000_0000) }
  }
}
