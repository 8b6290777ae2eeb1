import GuestMemory
import Testing

@testable import HostProfile

/// Operands that begin on one page and end on another, which lies elsewhere.
struct MappedOperandTests {
  private let memory: GuestMemory
  private let walk = PageWalk(root: 0x1000, isWriteProtected: true)
  /// Four bytes before the end of the page that is at 0x5000; the next one is at 0x8000.
  private static let linear: UInt64 = 0x0000_1000_0000_0FFC
  private static let (first, second): (UInt64, UInt64) = (0x5FFC, 0x8000)
  private static let flags: UInt64 = 3

  init() throws {
    memory = try GuestMemory(size: 0x1_0000)
    for (level, table) in [UInt64(0x1000), 0x2000, 0x3000].enumerated() {
      let index = Self.linear >> UInt64(39 - 9 * level) & 511
      try memory.store(table + 0x1000 | Self.flags, at: GuestAddress(table + index * 8))
    }
    try memory.store(UInt64(0x5000) | Self.flags, at: GuestAddress(0x4000))
    try memory.store(UInt64(0x8000) | Self.flags, at: GuestAddress(0x4008))
  }

  private func map(_ count: Int, at linear: UInt64 = Self.linear, isWrite: Bool = true) throws
    -> MappedOperand
  {
    try MappedOperand(linear, count, isWrite: isWrite, by: walk, memory: memory)
  }

  private func apply(_ bytes: [UInt8], _ state: inout ProcessorState) throws {
    let instruction = try #require(X86Instruction(bytes))
    let effect = try #require(InstructionEffect(instruction))
    let operand = try map(effect.accessSize(instruction), isWrite: effect.writesMemory)
    try effect.apply(instruction, to: &state, operand: operand, memory: memory)
  }

  @Test func popcntCountsOnBothPages() throws {
    try memory.store(UInt32(0x8000_0001), at: GuestAddress(Self.first))
    try memory.store(UInt32(0x0000_0007), at: GuestAddress(Self.second))
    var state = ProcessorState()
    // popcnt (%rbx), %rax
    try apply([0xF3, 0x48, 0x0F, 0xB8, 0x03], &state)
    #expect(state.general[0] == 5)
  }

  @Test func movbeGoesAcrossThePages() throws {
    var state = ProcessorState()
    state.general[0] = 0x0102_0304_0506_0708
    // movbe %rax, (%rbx), and back
    try apply([0x48, 0x0F, 0x38, 0xF1, 0x03], &state)
    #expect(try memory.bytes(at: GuestAddress(Self.first), count: 4) == [1, 2, 3, 4])
    #expect(try memory.bytes(at: GuestAddress(Self.second), count: 4) == [5, 6, 7, 8])
    #expect(try memory.load(UInt32.self, at: GuestAddress(0x6000)) == 0)
    #expect(try memory.load(UInt32.self, at: GuestAddress(0x7FFC)) == 0)
    state.general[1] = 0
    try apply([0x48, 0x0F, 0x38, 0xF0, 0x0B], &state)
    #expect(state.general[1] == 0x0102_0304_0506_0708)
  }

  /// Two and four bytes, of which the last one is on the second page.
  @Test(arguments: [2, 4]) func shorterNumbersKeepTheirLength(count: Int) throws {
    try memory.store(UInt64.max, at: GuestAddress(Self.second))
    let operand = try map(count, at: 0x0000_1000_0000_1000 - UInt64(count - 1))
    #expect(try operand.number(memory) == 0xFF << UInt64(8 * (count - 1)))
    try operand.set(UInt64(0), memory)
    #expect(try memory.load(UInt64.self, at: GuestAddress(Self.second)) == UInt64.max << 8)
  }

  /// Nothing of it is done where the second page cannot be had.
  @Test func aFaultNamesTheSecondPage() throws {
    try memory.store(UInt64(0x8001), at: GuestAddress(0x4008))
    #expect(throws: MappedOperand.Refusal.fault(0x0000_1000_0000_1000, 3)) { try map(8) }
    try memory.store(UInt64(0), at: GuestAddress(0x4008))
    #expect(throws: MappedOperand.Refusal.fault(0x0000_1000_0000_1000, 2)) { try map(8) }
    #expect(throws: MappedOperand.Refusal.fault(0x0000_1000_0000_1000, 0)) { try map(8, isWrite: false) }
  }

  @Test func refusesWhatIsNotCanonicalOrNoRAM() throws {
    for linear: UInt64 in [0x0000_7FFF_FFFF_FFFC, 0xFFFF_7FFF_FFFF_FFFF, 0x8000_0000_0000_0000] {
      #expect(throws: MappedOperand.Refusal.notCanonical) { try map(8, at: linear) }
    }
    try memory.store(UInt64(0x1_0000) | Self.flags, at: GuestAddress(0x4008))
    let refusal = MappedOperand.Refusal.outsideRAM(.unbacked(GuestAddress(0x1_0000), count: 4))
    #expect(throws: refusal) { try map(8) }
  }
}
