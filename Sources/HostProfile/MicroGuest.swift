import CKVM
import Glibc
import GuestMemory
import KVM
import LinuxSystem

/// The smallest guest there is: a few instructions in 64-bit mode, with every exception caught.
///
/// 2 MiB of RAM, mapped one to one for user mode too. The code ends by writing a port; an exception writes
/// ``exceptionPort`` instead, a breakpoint ``breakpointPort``.
struct MicroGuest: ~Copyable {
  let memory: GuestMemory
  let machine: VirtualMachine
  let vcpu: VCPU

  /// What the guest's CPUID table hides of what KVM supports: POPCNT, in ECX of leaf 1, which every processor of
  /// interest has.
  static let hiddenFeature: UInt32 = 1 << 23

  static let exceptionPort: UInt16 = 0xE0
  static let breakpointPort: UInt16 = 0xE3
  /// The port that probes write when they are done, by `outb %al, $port`.
  static let donePort: UInt16 = 0xED
  static let done: [UInt8] = [0xE6, UInt8(donePort)]

  enum Place {
    static let tables: UInt64 = 0x1000
    static let descriptors: UInt64 = 0x4000
    static let taskState: UInt64 = 0x4800
    static let interrupts: UInt64 = 0x5000
    static let handlers: UInt64 = 0x6000
    static let stackTop: UInt64 = 0x8000
    static let code: UInt64 = 0x9000
    static let entry: UInt64 = 0xA000
    static let data: UInt64 = 0xB000
  }

  enum Selector {
    static let kernelCode: UInt16 = 0x10
    static let kernelData: UInt16 = 0x18
    static let userData: UInt16 = 0x2B
    static let userCode: UInt16 = 0x33
    static let taskState: UInt16 = 0x38
  }

  init(_ kvm: borrowing KVM) throws(SystemError) {
    let memory = try GuestMemory(size: 2 << 20)
    do throws(GuestMemoryError) { try MicroGuest.writeTables(memory) } catch {
      throw SystemError(call: "micro-guest", operand: "\(error)", code: EFAULT)
    }
    var masked = try kvm.supportedCPUID()
    for index in masked.leaves.indices where masked.leaves[index].function == 1 {
      masked.leaves[index].ecx &= ~MicroGuest.hiddenFeature
    }
    let machine = try VirtualMachine(kvm, memory: memory, pins: 24)
    let vcpu = try machine.makeVCPU(index: 0)
    try vcpu.setCPUID(masked)
    self.memory = memory
    self.machine = machine
    self.vcpu = vcpu
  }

  private static func writeTables(_ memory: GuestMemory) throws(GuestMemoryError) {
    try memory.store(Place.tables + 0x1007, at: GuestAddress(Place.tables))
    try memory.store(Place.tables + 0x2007, at: GuestAddress(Place.tables + 0x1000))
    // One page of 2 MiB: present, writable, user, accessed, dirty.
    try memory.store(0xE7 as UInt64, at: GuestAddress(Place.tables + 0x2000))
    let descriptors: [UInt64] = [
      0, 0, 0x00AF_9B00_0000_FFFF, 0x00CF_9300_0000_FFFF, 0, 0x00CF_F300_0000_FFFF, 0x00AF_FB00_0000_FFFF,
      // An available 64-bit task state segment of 104 bytes.
      Place.taskState << 16 | 0x0000_8900_0000_0067, 0,
    ]
    for (index, descriptor) in descriptors.enumerated() {
      try memory.store(descriptor, at: GuestAddress(Place.descriptors + UInt64(index) * 8))
    }
    // RSP0: where exceptions from user mode put their frame.
    try memory.store(Place.stackTop, at: GuestAddress(Place.taskState + 4))
    for vector in 0..<32 as Range<UInt64> {
      let port = vector == 3 ? MicroGuest.breakpointPort : MicroGuest.exceptionPort
      let handler = Place.handlers + vector * 16
      try memory.copyIn([0xE6, UInt8(port), 0xF4], to: GuestAddress(handler))
      // Present, privilege 3, 64-bit interrupt gate; the handler is below 64 KiB.
      let gate = 0x0000_EE00_0000_0000 | UInt64(Selector.kernelCode) << 16 | handler
      try memory.store(gate, at: GuestAddress(Place.interrupts + vector * 16))
      try memory.store(0 as UInt64, at: GuestAddress(Place.interrupts + vector * 16 + 8))
    }
  }

  /// Puts `code` at ``Place/code`` and the processor before it, in kernel or in user mode (with I/O allowed).
  func load(_ code: [UInt8], userMode: Bool = false, cr4: UInt64 = 0) throws(SystemError) {
    let isWritten = (try? memory.copyIn(code, to: GuestAddress(Place.code))) != nil
    precondition(isWritten, "probes are shorter than the micro-guest's memory")
    var special = try vcpu.specialRegisters()
    special.cr0 = 0x8005_0033
    special.cr3 = Place.tables
    // PAE, OSFXSR, OSXMMEXCPT.
    special.cr4 = 0x620 | cr4
    // SCE, LME, LMA.
    special.efer = 0x501
    (special.gdt.base, special.gdt.limit) = (Place.descriptors, 9 * 8 - 1)
    (special.idt.base, special.idt.limit) = (Place.interrupts, 32 * 16 - 1)
    special.cs = segment(userMode ? Selector.userCode : Selector.kernelCode, type: 11, isLong: true)
    let data = segment(userMode ? Selector.userData : Selector.kernelData, type: 3, isLong: false)
    (special.ds, special.es, special.fs, special.gs, special.ss) = (data, data, data, data, data)
    special.tr = segment(Selector.taskState, type: 11, isLong: false)
    (special.tr.s, special.tr.g, special.tr.db) = (0, 0, 0)
    (special.tr.base, special.tr.limit) = (Place.taskState, 0x67)
    try vcpu.setSpecialRegisters(special)
    try vcpu.setEvents(kvm_vcpu_events())
    var registers = kvm_regs()
    (registers.rip, registers.rsp, registers.rsi) = (Place.code, Place.stackTop - 0x800, Place.data)
    registers.rflags = userMode ? 0x3002 : 2
    try vcpu.setRegisters(registers)
  }

  private func segment(_ selector: UInt16, type: UInt8, isLong: Bool) -> kvm_segment {
    var value = kvm_segment()
    (value.limit, value.selector, value.type) = (0xFFFF_FFFF, selector, type)
    (value.present, value.dpl, value.s, value.g) = (1, UInt8(selector & 3), 1, 1)
    (value.l, value.db) = (isLong ? 1 : 0, isLong ? 0 : 1)
    return value
  }

  /// Runs to the next exit that is no interruption.
  func run() throws(SystemError) -> Exit {
    for _ in 0..<1000 {
      let exit = try vcpu.runGuest()
      if exit != .interrupted { return exit }
    }
    return .interrupted
  }

  /// Runs to the next exit; whether the probe got to its end.
  func runsToEnd() throws(SystemError) -> Bool { try run().port == MicroGuest.donePort }
}

extension Exit {
  /// The port written or read, if that is why the guest left.
  var port: UInt16? {
    if case .port(let number, _, _, _) = self { return number }
    return nil
  }
}
