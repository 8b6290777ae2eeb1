import GuestMemory

/// What an instruction that the host's interpreter lacks does (Intel SDM volume 2).
enum InstructionEffect: Equatable {
  /// FWAIT, fences, prefetches and hint no-operations: nothing that an interpreter has to do.
  case nothing
  case breakpoint
  /// CLAC and STAC.
  case setAlignmentCheck(Bool)
  case compareExchange16
  case populationCount
  /// MOVBE from memory to a register, or the other way.
  case swapBytes(toMemory: Bool)
  /// XSAVE and XSAVEOPT, XRSTOR.
  case saveExtended
  case restoreExtended

  /// - Returns: nil for an instruction not known here.
  init?(_ instruction: X86Instruction) {
    let isRegister = if case .register = instruction.operand { true } else { false }
    switch (instruction.map, instruction.opcode, Int(instruction.modRM >> 3 & 7)) {
    case (.oneByte, 0xCC, _): self = .breakpoint
    case (.oneByte, 0x9B, _): self = .nothing
    case (.escape0F, 0x01, _) where instruction.modRM == 0xCA: self = .setAlignmentCheck(false)
    case (.escape0F, 0x01, _) where instruction.modRM == 0xCB: self = .setAlignmentCheck(true)
    case (.escape0F, 0x0D, _) where !isRegister: self = .nothing
    case (.escape0F, 0x18...0x1F, _): self = .nothing
    // LFENCE, MFENCE, SFENCE.
    case (.escape0F, 0xAE, 5...7) where isRegister && instruction.repeatPrefix == .none: self = .nothing
    case (.escape0F, 0xAE, 4), (.escape0F, 0xAE, 6):
      guard !isRegister, instruction.repeatPrefix == .none, !instruction.operandSizePrefix else { return nil }
      self = .saveExtended
    case (.escape0F, 0xAE, 5) where !isRegister && instruction.repeatPrefix == .none: self = .restoreExtended
    case (.escape0F, 0xB8, _) where instruction.repeatPrefix == .f3: self = .populationCount
    case (.escape0F, 0xC7, 1) where !isRegister && instruction.isWide: self = .compareExchange16
    case (.escape0F38, 0xF0...0xF1, _) where !isRegister && instruction.repeatPrefix == .none:
      self = .swapBytes(toMemory: instruction.opcode == 0xF1)
    default: return nil
    }
  }

  /// Bytes of memory that the instruction's memory operand stands for; 0 where it is not accessed, or where that
  /// depends on more than the instruction.
  func accessSize(_ instruction: X86Instruction) -> Int {
    switch self {
    case .nothing, .breakpoint, .setAlignmentCheck, .saveExtended, .restoreExtended: 0
    case .compareExchange16: 16
    case .populationCount, .swapBytes: instruction.operandSize
    }
  }

  var writesMemory: Bool { self == .compareExchange16 || self == .swapBytes(toMemory: true) }

  /// Changes general registers, flags and memory as the instruction does; does not move RIP.
  /// - Parameter operand: that of ``accessSize(_:)`` bytes in memory; nil where there is none.
  func apply(
    _ instruction: X86Instruction, to state: inout ProcessorState, operand: MappedOperand?,
    memory: GuestMemory
  ) throws(GuestMemoryError) {
    let size = instruction.operandSize
    switch self {
    case .nothing, .breakpoint, .saveExtended, .restoreExtended: break
    case .setAlignmentCheck(let isSet):
      if isSet {
        state.rflags |= ProcessorState.Flag.alignmentCheck
      } else {
        state.rflags &= ~ProcessorState.Flag.alignmentCheck
      }
    case .compareExchange16:
      if let operand { try InstructionEffect.compareExchange16(&state, operand.start, memory) }
    case .populationCount:
      var source: UInt64 = 0
      if case .register(let number) = instruction.operand { source = state.value(of: number, size: size) }
      if let operand { source = try operand.number(memory) }
      state.set(instruction.reg, to: UInt64(source.nonzeroBitCount), size: size)
      state.rflags &= ~ProcessorState.Flag.status
      if source == 0 { state.rflags |= ProcessorState.Flag.zero }
    case .swapBytes(toMemory: true):
      let value = state.value(of: instruction.reg, size: size).byteSwapped >> (64 - 8 * UInt64(size))
      try operand?.set(value, memory)
    case .swapBytes(toMemory: false):
      guard let operand else { break }
      let value = try operand.number(memory).byteSwapped >> (64 - 8 * UInt64(size))
      state.set(instruction.reg, to: value, size: size)
    }
  }

  private static func compareExchange16(
    _ state: inout ProcessorState, _ place: GuestAddress, _ memory: GuestMemory
  ) throws(GuestMemoryError) {
    let expected = (state.general[0], state.general[2])
    let found = try memory.compareExchange(
      at: place, from: expected, to: (state.general[3], state.general[1]))
    if found == expected {
      state.rflags |= ProcessorState.Flag.zero
    } else {
      state.rflags &= ~ProcessorState.Flag.zero
      (state.general[0], state.general[2]) = found
    }
  }
}
