import GuestMemory

/// The five pages of guest memory that carry SYSCALL over to the kernel, and what stands in them.
///
/// They lie in a range that the memory map given to the guest does not offer as RAM: three page tables, the page
/// where SYSCALL lands, and the stub that the breakpoint gate leads to.
struct BridgePages {
  static let physical = GuestAddress(0x9_0000)
  static let count: UInt64 = 5
  private static let pageSize: UInt64 = 4096

  /// The entry of the top-level page table that the tables hang in, 256 to 511.
  let slot: Int
  /// Where the three linear pages begin: landing, arrival, stub.
  let linear: UInt64

  var landing: UInt64 { linear }
  var stub: UInt64 { linear + 2 * BridgePages.pageSize }

  init(slot: Int) {
    self.slot = slot
    linear = 0xFFFF_0000_0000_0000 | UInt64(slot) << 39
  }

  /// The entry for the top-level table: present, writable, user.
  static let topEntry = physical.value | 7

  /// Fills all pages. Until ``arm(memory:)``, code that lands stores one byte to the arrival page, which leaves the
  /// guest, and then runs into the breakpoint.
  func write(entry: UInt64, arrival: GuestAddress, to memory: GuestMemory) throws(GuestMemoryError) {
    memory.fill(
      try memory.slice(at: BridgePages.physical, count: BridgePages.count * BridgePages.pageSize), with: 0)
    // Tables: user accessible at each level, so that the last one decides.
    try memory.store(page(1) | 7, at: address(0))
    try memory.store(page(2) | 7, at: address(1))
    try memory.store(page(3) | 5, at: address(2))
    try memory.store(arrival.value | 7, at: address(2, 8))
    try memory.store(page(4) | 1, at: address(2, 16))
    // movb $0, arrival(%rip); int3
    try memory.copyIn([0xC6, 0x05, 0xF9, 0x0F, 0, 0, 0, 0xCC], to: address(3))
    try memory.copyIn(BridgePages.stubCode(highHalf: UInt32(linear >> 32)), to: address(4))
    try setEntry(entry, memory: memory)
  }

  /// Makes the stub jump to the kernel's `entry`.
  func setEntry(_ entry: UInt64, memory: GuestMemory) throws(GuestMemoryError) {
    try memory.store(entry, at: address(4, BridgePages.entryOffset))
  }

  /// Makes the stub pass all other breakpoints to `handler`.
  func setHandler(_ handler: UInt64, memory: GuestMemory) throws(GuestMemoryError) {
    try memory.store(handler, at: address(4, BridgePages.handlerOffset))
  }

  /// Makes code that lands raise the breakpoint at once.
  func arm(memory: GuestMemory) throws(GuestMemoryError) { try memory.store(UInt8(0xCC), at: address(3)) }

  private static let entryOffset: UInt64 = 64
  private static let handlerOffset: UInt64 = 72

  /// Tells by the upper half of the interrupted RIP, which no other code shares, whether SYSCALL landed. The gate has
  /// cleared IF; RCX and R11 are as SYSCALL left them, and the kernel wants the user's stack pointer in RSP.
  ///
  /// A program can jump to the landing page with any flags, and kernels rely on those that SYSCALL clears for them
  /// (IA32_FMASK): all are cleared here.
  static func stubCode(highHalf: UInt32) -> [UInt8] {
    let high = (0..<4).map { UInt8(truncatingIfNeeded: highHalf >> (8 * $0)) }
    return [0x81, 0x7C, 0x24, 0x04] + high  // cmpl $highHalf, 4(%rsp)
      + [0x75, 0x0E]  // jne other
      + [0x6A, 0x02, 0x9D]  // pushq $2; popfq
      + [0x48, 0x8B, 0x64, 0x24, 0x18]  // movq 24(%rsp), %rsp
      + [0xFF, 0x25, UInt8(entryOffset) - 24, 0, 0, 0]  // jmp *entry(%rip)
      + [0xFF, 0x25, UInt8(handlerOffset) - 30, 0, 0, 0]  // other: jmp *handler(%rip)
  }

  private func page(_ index: UInt64) -> UInt64 { BridgePages.physical.value + index * BridgePages.pageSize }
  private func address(_ index: UInt64, _ offset: UInt64 = 0) -> GuestAddress {
    GuestAddress(page(index) + offset)
  }
}
