import KVM

/// An instruction to try in a guest's kernel mode.
struct InstructionProbe: Sendable {
  let name: String
  /// RSI points to 64-byte aligned memory of the guest.
  let code: [UInt8]
  /// Bits of CR4 it wants.
  var cr4: UInt64 = 0
  /// The port that tells of its success.
  var end = MicroGuest.donePort
  /// The CPUID bit that tells of it; nil where every 64-bit processor has it.
  var feature: Feature?

  struct Feature: Sendable {
    let function: UInt32
    let register: any KeyPath<CPUID.Leaf, UInt32> & Sendable
    let bit: UInt32
  }

  func isOffered(_ cpuid: CPUID) -> Bool {
    guard let feature else { return true }
    let leaf = cpuid.leaves.first { $0.function == feature.function && $0.index == 0 }
    return leaf.map { $0[keyPath: feature.register] & 1 << feature.bit != 0 } ?? false
  }

  private static func leaf1(_ bit: UInt32) -> Feature { Feature(function: 1, register: \.ecx, bit: bit) }
  private static func leaf7(_ bit: UInt32) -> Feature { Feature(function: 7, register: \.ebx, bit: bit) }
  private static let rdtscp = Feature(function: 0x8000_0001, register: \.edx, bit: 27)
  /// OSXSAVE.
  private static let stateSaving: UInt64 = 1 << 18

  static let all: [InstructionProbe] = [
    InstructionProbe(name: "int3", code: [0xCC], end: MicroGuest.breakpointPort),
    InstructionProbe(name: "fwait", code: [0x9B]),
    InstructionProbe(name: "lfence", code: [0x0F, 0xAE, 0xE8]),
    InstructionProbe(name: "mfence", code: [0x0F, 0xAE, 0xF0]),
    InstructionProbe(name: "prefetcht0", code: [0x0F, 0x18, 0x0E]),
    InstructionProbe(name: "cmpxchg16b", code: [0x48, 0x0F, 0xC7, 0x0E], feature: leaf1(13)),
    InstructionProbe(name: "popcnt", code: [0xF3, 0x0F, 0xB8, 0xC0], feature: leaf1(23)),
    InstructionProbe(name: "movbe", code: [0x0F, 0x38, 0xF0, 0x06], feature: leaf1(22)),
    InstructionProbe(name: "rdrand", code: [0x0F, 0xC7, 0xF0], feature: leaf1(30)),
    InstructionProbe(name: "rdseed", code: [0x0F, 0xC7, 0xF8], feature: leaf7(18)),
    // xorl %eax, %eax; xorl %edx, %edx before it: nothing is saved.
    InstructionProbe(
      name: "xsave", code: [0x31, 0xC0, 0x31, 0xD2, 0x0F, 0xAE, 0x26], cr4: stateSaving, feature: leaf1(26)),
    InstructionProbe(name: "crc32", code: [0xF2, 0x0F, 0x38, 0xF0, 0xC0], feature: leaf1(20)),
    InstructionProbe(name: "clac", code: [0x0F, 0x01, 0xCA], feature: leaf7(20)),
    InstructionProbe(name: "tzcnt", code: [0xF3, 0x0F, 0xBC, 0xC0], feature: leaf7(3)),
    InstructionProbe(name: "fxsave", code: [0x0F, 0xAE, 0x06]),
    InstructionProbe(name: "rdtscp", code: [0x0F, 0x01, 0xF9], feature: rdtscp),
  ]
}
