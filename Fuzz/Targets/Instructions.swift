import DeviceFakes
import GuestMemory

@testable import HostProfile

extension FuzzTarget {
  /// An instruction of the guest's kernel, decoded and done: it takes the bytes it has, and touches only its operand.
  static func instruction(_ bytes: [UInt8]) throws {
    let code = Array(bytes.prefix(X86Instruction.maximumLength))
    guard let instruction = X86Instruction(code) else { return }
    let length = instruction.length
    try check(length > 0 && length <= code.count, "\(length) bytes long, of \(code.count)")
    try check(X86Instruction(Array(code[..<length])) == instruction, "bytes behind it change its meaning")
    try check(X86Instruction(Array(code[..<(length - 1)])) == nil, "an instruction without its last byte")
    guard let effect = InstructionEffect(instruction) else { return }

    var script = Script(Array(bytes.dropFirst(code.count)), edge: 0x1000)
    var state = ProcessorState(
      general: (0..<16).map { _ in script.value() }, rip: script.value(), rflags: script.value())
    (state.fsBase, state.gsBase) = (script.value(), script.value())
    let before = state
    let memory = try GuestMemory(size: 0x1000)
    let all = try memory.slice(at: GuestAddress(0), count: 0x1000)
    memory.fill(all, with: 0x5a)
    var place: UInt64?
    let size = UInt64(effect.accessSize(instruction))
    if case .memory(let operand) = instruction.operand, size > 0 {
      place = state.linearAddress(operand, of: instruction) & 0xfff
    }
    do throws(GuestMemoryError) {
      var mapped: MappedOperand?
      if let place { mapped = try MappedOperand([(GuestAddress(place), Int(size))], memory: memory) }
      try effect.apply(instruction, to: &state, operand: mapped, memory: memory)
    } catch {
      try check(state == before, "half done")
      try check(memory.bytes(all).allSatisfy { $0 == 0x5a }, "memory written by what failed")
      return
    }
    try check(state.general.count == 16, "a register was made up")
    let start = place ?? 0
    let written = start..<(start + (effect.writesMemory ? size : 0))
    for (address, byte) in memory.bytes(all).enumerated() where byte != 0x5a {
      try check(written.contains(UInt64(address)), "wrote at \(address)")
    }
  }
}
