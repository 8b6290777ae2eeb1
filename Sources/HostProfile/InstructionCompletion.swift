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

    var place: GuestAddress?
    let size = UInt64(effect.accessSize(instruction))
    if case .memory(let operand) = instruction.operand, size > 0 {
      let linear = state.linearAddress(operand, of: instruction)
      if effect == .compareExchange16, linear & 15 != 0 { return try raise(.generalProtection, on: vcpu) }
      // An operand on two pages would need a second translation; kernels align theirs.
      guard linear & 0xFFF <= 0x1000 - size else {
        return .fatal("operand across two pages of " + describe(bytes, state))
      }
      guard let physical = try vcpu.translate(linear) else {
        return try raisePageFault(at: linear, isWrite: effect.writesMemory, special, on: vcpu)
      }
      place = GuestAddress(physical)
    }
    do throws(GuestMemoryError) {
      try effect.apply(instruction, to: &state, place: place, memory: memory)
    } catch {
      return .fatal("operand outside RAM (\(error)) of " + describe(bytes, state))
    }
    try vcpu.setRegisters(state.registers)
    return effect == .breakpoint ? try raise(.breakpoint, on: vcpu) : .resume
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
    at linear: UInt64, isWrite: Bool, _ special: kvm_sregs, on vcpu: borrowing VCPU
  ) throws(SystemError) -> HostWorkarounds.Verdict {
    var special = special
    special.cr2 = linear
    try vcpu.setSpecialRegisters(special)
    // Not present, by a supervisor; bit 1 tells a write.
    return try raise(.pageFault, errorCode: isWrite ? 2 : 0, on: vcpu)
  }
}
