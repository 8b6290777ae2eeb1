import CKVM
import GuestMemory
import KVM
import LinuxSystem

/// Carries SYSCALL from user mode into an unmodified kernel where the host's KVM jumps to MSR_LSTAR without changing
/// privilege.
///
/// The real LSTAR leads to a page of ours that user mode may execute and that raises a breakpoint, which the host does
/// deliver through the guest's IDT; the IDT's breakpoint gate leads to a stub of ours, which goes on to the kernel's
/// own entry. The pages hang in one entry of the kernel half of the top-level page table, planted when the kernel
/// sets LSTAR, before it makes the first process: every process copies that half. The gate is replaced when the first
/// system call arrives, by which time the IDT is final.
struct SyscallBridge {
  /// MSR_LSTAR: where SYSCALL enters a 64-bit kernel.
  static let lstar: UInt32 = 0xC000_0082
  /// Guest-physical and without RAM or device: a store here says that the first system call has arrived.
  static let arrival = GuestAddress(0xFEB0_0000)
  private static let breakpoint: UInt64 = 3

  /// What each processor's kernel believes to be in LSTAR.
  private var entries: [UInt64] = []
  /// The pages, and the kernel entry their stub leads to, once planted.
  private var planted: (pages: BridgePages, entry: UInt64)?

  func entry(ofProcessor index: Int) -> UInt64 { index < entries.count ? entries[index] : 0 }

  /// The kernel writes LSTAR.
  mutating func writeEntry(
    _ entry: UInt64, on vcpu: borrowing VCPU, memory: GuestMemory
  ) throws(SystemError) -> HostWorkarounds.Verdict {
    // Bits 47 to 63 of a kernel address are all ones. Others cannot be the entry of a kernel: as the hardware would.
    guard entry >> 47 == 0x1FFFF else {
      let isCanonical = entry >> 47 == 0
      if isCanonical {
        try vcpu.setMSR(SyscallBridge.lstar, entry)
        remember(entry, vcpu.index)
      }
      vcpu.completeMSR(entry, fault: !isCanonical)
      return .resume
    }
    let special = try vcpu.specialRegisters()
    guard special.cr4 & ControlBit.fiveLevels == 0 else {
      return .fatal("the guest uses five-level page tables: add no5lvl to its command line")
    }
    let pages: BridgePages
    do throws(GuestMemoryError) {
      guard let found = try plant(entry, cr3: special.cr3, memory: memory) else {
        return .fatal("the guest's top-level page table has no free entry for the system call bridge")
      }
      pages = found
    } catch {
      return .fatal("the system call bridge cannot be planted in guest memory: \(error)")
    }
    try vcpu.setMSR(SyscallBridge.lstar, pages.landing)
    remember(entry, vcpu.index)
    vcpu.completeMSR(entry)
    return .resume
  }

  private mutating func remember(_ entry: UInt64, _ index: Int) {
    while entries.count <= index { entries.append(0) }
    entries[index] = entry
  }

  /// Makes sure that the pages hang in the table at `cr3` and lead to `entry`; nil where no entry of it is free.
  private mutating func plant(
    _ entry: UInt64, cr3: UInt64, memory: GuestMemory
  ) throws(GuestMemoryError) -> BridgePages? {
    let top = GuestAddress(cr3 & 0x000F_FFFF_FFFF_F000)
    let table = try memory.slice(at: top, count: 4096)
    if let (pages, current) = planted,
      try memory.load(UInt64.self, in: table, offset: pages.slot * 8) == BridgePages.topEntry
    {
      if current != entry {
        try pages.setEntry(entry, memory: memory)
        planted = (pages, entry)
      }
      return pages
    }
    for slot in SyscallBridge.slots
    where try memory.load(UInt64.self, in: table, offset: slot * 8) == 0 {
      let pages = BridgePages(slot: slot)
      try pages.write(entry: entry, arrival: SyscallBridge.arrival, to: memory)
      try memory.store(BridgePages.topEntry, in: table, offset: slot * 8)
      planted = (pages, entry)
      return pages
    }
    return nil
  }

  /// Entries of the top-level table that Linux leaves free without address randomization and KASAN (its
  /// Documentation/arch/x86/x86_64/mm.rst); lower ones are its direct map, vmalloc and the host's own.
  private static let slots = 480..<500

  /// A system call has arrived for the first time: from here on none of them leaves the guest.
  mutating func arrive(
    on vcpu: borrowing VCPU, memory: GuestMemory
  ) throws(SystemError) -> HostWorkarounds.Verdict {
    guard let (pages, _) = planted else { return .notMine }
    let special = try vcpu.specialRegisters()
    let gateAddress = special.idt.base &+ SyscallBridge.breakpoint &* 16
    guard special.idt.limit >= 63, special.idt.base & 15 == 0, let physical = try vcpu.translate(gateAddress)
    else { return .fatal("the guest's interrupt descriptor table has no breakpoint gate") }
    do throws(GuestMemoryError) {
      let isReplaced = try replaceGate(at: GuestAddress(physical), pages, memory: memory)
      return isReplaced ? .resume : .fatal("the guest keeps changing its breakpoint gate")
    } catch {
      return .fatal("the guest's breakpoint gate cannot be replaced: \(error)")
    }
  }

  /// - Returns: false where another processor changed the gate each time.
  private func replaceGate(
    at address: GuestAddress, _ pages: BridgePages, memory: GuestMemory
  ) throws(GuestMemoryError) -> Bool {
    // Other processors take breakpoints through this gate meanwhile: it changes as a whole.
    var found = try memory.compareExchange(at: address, from: (0, 0), to: (0, 0))
    for _ in 0..<100 {
      let gate = InterruptGate(found)
      // Not armed a second time: the gate's handler would be the stub itself.
      guard gate.handler != pages.stub else { return true }
      try pages.setHandler(gate.handler, memory: memory)
      let seen = try memory.compareExchange(
        at: address, from: found, to: gate.withHandler(pages.stub).halves)
      if seen == found {
        try pages.arm(memory: memory)
        return true
      }
      found = seen
    }
    return false
  }
}

/// A 64-bit interrupt gate (Intel SDM volume 3, 7.14.1).
struct InterruptGate: Equatable {
  var low: UInt64
  var high: UInt64

  init(_ halves: (UInt64, UInt64)) { (low, high) = halves }

  var halves: (UInt64, UInt64) { (low, high) }

  var handler: UInt64 { low & 0xFFFF | (low >> 48) << 16 | high << 32 }

  func withHandler(_ handler: UInt64) -> InterruptGate {
    let kept = low & 0x0000_FFFF_FFFF_0000
    return InterruptGate((kept | handler & 0xFFFF | (handler >> 16) << 48, handler >> 32))
  }
}

/// Bits of the control registers.
enum ControlBit {
  /// CR0.TS.
  static let taskSwitched: UInt64 = 1 << 3
  /// CR0.WP.
  static let writeProtect: UInt64 = 1 << 16
  /// CR4.OSXSAVE.
  static let extendedStates: UInt64 = 1 << 18
  /// CR4.LA57.
  static let fiveLevels: UInt64 = 1 << 12
}
