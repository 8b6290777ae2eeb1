import CKVM
import GuestMemory
import KVM
import LinuxSystem

/// Does, for a guest's kernel, one instruction that the host's interpreter lacks.
enum InstructionCompletion {
  /// KVM_INTERNAL_ERROR_EMULATION: RIP is at the instruction, and nothing of it has been done.
  static let emulationFailure: UInt32 = 1

  /// - Returns: `.fatal` with the instruction's bytes where it is none of those known here.
  static func complete(
    on vcpu: borrowing VCPU, memory: GuestMemory
  ) throws(SystemError) -> HostWorkarounds.Verdict {
    let special = try vcpu.specialRegisters()
    var state = ProcessorState(try vcpu.registers(), special)
    // User mode must not reach the kernel's memory through us: it gets what KVM itself would give it.
    guard special.ss.dpl == 0 else { return try raise(.invalidOpcode, on: vcpu) }
    let bytes = try instructionBytes(at: state.rip, on: vcpu, memory: memory)
    guard special.cs.l != 0, let instruction = X86Instruction(bytes),
      let effect = InstructionEffect(instruction)
    else { return .fatal("no way to run " + describe(bytes, state)) }

    do throws(Failure) {
      switch effect {
      case .saveExtended, .restoreExtended:
        try moveExtended(instruction, effect, state, special, on: vcpu, memory: memory)
      default: try apply(effect, instruction, to: &state, special, memory: memory)
      }
    } catch {
      switch error {
      case .exception(let exception): return try raise(exception, on: vcpu)
      case .operand(.notCanonical): return try raise(.generalProtection, on: vcpu)
      case .operand(.fault(let linear, let code)):
        return try raisePageFault(at: linear, code, special, on: vcpu)
      case .operand(.outsideRAM(let error)):
        return .fatal("operand outside RAM (\(error)) of " + describe(bytes, state))
      case .unsupported(let what): return .fatal("\(what) of " + describe(bytes, state))
      case .system(let error): throw error
      }
    }
    state.rip &+= UInt64(instruction.length)
    try vcpu.setRegisters(state.registers)
    return effect == .breakpoint ? try raise(.breakpoint, on: vcpu) : .resume
  }

  /// Why an instruction is not done.
  private enum Failure: Error {
    case exception(Exception)
    case operand(MappedOperand.Refusal)
    case system(SystemError)
    case unsupported(String)
  }

  private static func apply(
    _ effect: InstructionEffect, _ instruction: X86Instruction, to state: inout ProcessorState,
    _ special: kvm_sregs, memory: GuestMemory
  ) throws(Failure) {
    var mapped: MappedOperand?
    let size = effect.accessSize(instruction)
    if case .memory(let operand) = instruction.operand, size > 0 {
      let linear = state.linearAddress(operand, of: instruction)
      if effect == .compareExchange16, linear & 15 != 0 { throw .exception(.generalProtection) }
      mapped = try map(linear, size, isWrite: effect.writesMemory, special, memory)
    }
    do throws(GuestMemoryError) {
      try effect.apply(instruction, to: &state, operand: mapped, memory: memory)
    } catch { throw .operand(.outsideRAM(error)) }
  }

  /// XSAVE and XRSTOR: what they move is not in ``ProcessorState``.
  private static func moveExtended(
    _ instruction: X86Instruction, _ effect: InstructionEffect, _ state: ProcessorState, _ special: kvm_sregs,
    on vcpu: borrowing VCPU, memory: GuestMemory
  ) throws(Failure) {
    guard special.cr4 & ControlBit.extendedStates != 0 else { throw .exception(.invalidOpcode) }
    guard special.cr0 & ControlBit.taskSwitched == 0 else { throw .exception(.deviceNotAvailable) }
    guard case .memory(let operand) = instruction.operand else { throw .exception(.invalidOpcode) }
    let linear = state.linearAddress(operand, of: instruction)
    guard linear & 63 == 0 else { throw .exception(.generalProtection) }
    let requested = state.general[2] << 32 | state.general[0] & 0xFFFF_FFFF
    let extended: ExtendedState
    do throws(SystemError) {
      extended = ExtendedState(image: try vcpu.extendedState(), enabled: try vcpu.enabledComponents())
    } catch { throw .system(error) }
    guard let size = extended.areaSize(requested) else { throw .unsupported("too large a state") }
    let isWrite = effect == .saveExtended
    let mapped = try map(linear, size, isWrite: isWrite, special, memory)
    var area = mapped.bytes(memory)
    if isWrite {
      extended.save(requested, to: &area)
      do throws(GuestMemoryError) { try mapped.set(area, memory) } catch {
        throw .operand(.outsideRAM(error))
      }
    } else {
      guard let after = extended.restored(requested, from: area) else {
        throw .exception(.generalProtection)
      }
      do throws(SystemError) { try vcpu.setExtendedState(after.image) } catch { throw .system(error) }
    }
  }

  private static func map(
    _ linear: UInt64, _ count: Int, isWrite: Bool, _ special: kvm_sregs, _ memory: GuestMemory
  ) throws(Failure) -> MappedOperand {
    guard special.cr4 & ControlBit.fiveLevels == 0 else {
      throw .unsupported("five-level page tables under an operand")
    }
    let walk = PageWalk(root: special.cr3, isWriteProtected: special.cr0 & ControlBit.writeProtect != 0)
    do throws(MappedOperand.Refusal) {
      return try MappedOperand(linear, count, isWrite: isWrite, by: walk, memory: memory)
    } catch { throw .operand(error) }
  }

  /// As many of the bytes from `rip` on as are mapped to RAM.
  private static func instructionBytes(
    at rip: UInt64, on vcpu: borrowing VCPU, memory: GuestMemory
  ) throws(SystemError) -> [UInt8] {
    let wanted = UInt64(X86Instruction.maximumLength)
    let onFirstPage = min(wanted, 0x1000 - rip & 0xFFF)
    var bytes: [UInt8] = []
    for (linear, count) in [(rip, onFirstPage), (rip &+ onFirstPage, wanted - onFirstPage)] where count > 0 {
      guard let physical = try vcpu.translate(linear),
        let part = try? memory.bytes(at: GuestAddress(physical), count: count)
      else { break }
      bytes += part
    }
    return bytes
  }

  private static func describe(_ bytes: [UInt8], _ state: ProcessorState) -> String {
    let text = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    return "an instruction of the guest's kernel that this host's KVM cannot interpret: "
      + "\(text.isEmpty ? "unmapped" : text) at 0x\(String(state.rip, radix: 16))"
  }

  private enum Exception: UInt8 {
    case breakpoint = 3
    case invalidOpcode = 6
    case deviceNotAvailable = 7
    case generalProtection = 13
    case pageFault = 14
  }

  private static func raise(
    _ exception: Exception, errorCode: UInt32 = 0, on vcpu: borrowing VCPU
  ) throws(SystemError) -> HostWorkarounds.Verdict {
    var events = try vcpu.events()
    events.exception.injected = 1
    events.exception.nr = exception.rawValue
    events.exception.has_error_code = exception.rawValue >= 13 ? 1 : 0
    events.exception.error_code = errorCode
    try vcpu.setEvents(events)
    return .resume
  }

  private static func raisePageFault(
    at linear: UInt64, _ errorCode: UInt32, _ special: kvm_sregs, on vcpu: borrowing VCPU
  ) throws(SystemError) -> HostWorkarounds.Verdict {
    var special = special
    special.cr2 = linear
    try vcpu.setSpecialRegisters(special)
    return try raise(.pageFault, errorCode: errorCode, on: vcpu)
  }
}
