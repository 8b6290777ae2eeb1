import CKVM

/// The registers that an instruction's operands and effects concern, apart from any virtual processor.
struct ProcessorState: Equatable {
  /// RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15: by the numbers of ModRM.
  var general: [UInt64]
  var rip: UInt64
  var rflags: UInt64
  var fsBase: UInt64 = 0
  var gsBase: UInt64 = 0

  /// Bits of RFLAGS.
  enum Flag {
    static let carry: UInt64 = 1
    static let zero: UInt64 = 1 << 6
    static let alignmentCheck: UInt64 = 1 << 18
    /// OF, SF, ZF, AF, PF and CF.
    static let status: UInt64 = 0x8D5
  }

  init(general: [UInt64] = Array(repeating: 0, count: 16), rip: UInt64 = 0, rflags: UInt64 = 2) {
    (self.general, self.rip, self.rflags) = (general, rip, rflags)
  }

  init(_ registers: kvm_regs, _ special: kvm_sregs) {
    general = [
      registers.rax, registers.rcx, registers.rdx, registers.rbx,
      registers.rsp, registers.rbp, registers.rsi, registers.rdi,
      registers.r8, registers.r9, registers.r10, registers.r11,
      registers.r12, registers.r13, registers.r14, registers.r15,
    ]
    (rip, rflags) = (registers.rip, registers.rflags)
    (fsBase, gsBase) = (special.fs.base, special.gs.base)
  }

  var registers: kvm_regs {
    kvm_regs(
      rax: general[0], rbx: general[3], rcx: general[1], rdx: general[2],
      rsi: general[6], rdi: general[7], rsp: general[4], rbp: general[5],
      r8: general[8], r9: general[9], r10: general[10], r11: general[11],
      r12: general[12], r13: general[13], r14: general[14], r15: general[15],
      rip: rip, rflags: rflags)
  }

  /// The linear address of an operand of `instruction`, which begins at RIP.
  func linearAddress(_ operand: X86Instruction.MemoryOperand, of instruction: X86Instruction) -> UInt64 {
    var address = UInt64(bitPattern: operand.displacement)
    if let base = operand.base { address &+= general[base] }
    if let index = operand.index { address &+= general[index] &* UInt64(operand.scale) }
    if operand.isInstructionRelative { address &+= rip &+ UInt64(instruction.length) }
    if operand.is32Bit { address &= 0xFFFF_FFFF }
    switch operand.segment {
    case .flat: return address
    case .fs: return address &+ fsBase
    case .gs: return address &+ gsBase
    }
  }

  /// The low `size` bytes of a register.
  func value(of register: Int, size: Int) -> UInt64 {
    size == 8 ? general[register] : general[register] & (1 << (8 * UInt64(size)) - 1)
  }

  /// Writes a register as an instruction does: 4 bytes clear the upper half, 2 leave the rest alone.
  mutating func set(_ register: Int, to value: UInt64, size: Int) {
    switch size {
    case 8: general[register] = value
    case 4: general[register] = value & 0xFFFF_FFFF
    default: general[register] = general[register] & ~0xFFFF | value & 0xFFFF
    }
  }
}
