import HostProfile
import KVM

/// What of the host's CPUID table each virtual processor sees: everything KVM supports, with the processor's own
/// numbers in it (KVM API, KVM_SET_CPUID2).
enum CPUIDPolicy {
  static func table(_ supported: CPUID, processor: Int, count: Int) -> CPUID {
    var table = supported
    let identifier = UInt32(truncatingIfNeeded: processor)
    for index in table.leaves.indices {
      switch table.leaves[index].function {
      case 1:
        let logical = UInt32(truncatingIfNeeded: min(count, 255))
        table.leaves[index].ebx &= 0x0000_FFFF
        table.leaves[index].ebx |= identifier << 24 | logical << 16
        table.leaves[index].ecx |= Feature.hypervisor
        if count > 1 { table.leaves[index].edx |= Feature.multiThreaded }
      case 4:
        // One thread a core, one package: the counts of those who share a cache (bits 14 to 25) and of cores.
        table.leaves[index].eax &= 0x0000_3FFF
      case 0xB, 0x1F:
        setTopology(&table.leaves[index], identifier: identifier, count: count)
      case 0x4000_0001 where HostWorkarounds.areNeeded:
        table.leaves[index].eax &= ~HostWorkarounds.brokenFeatures
      default: break
      }
    }
    return table
  }

  private enum Feature {
    /// Leaf 1, ECX.
    static let hypervisor: UInt32 = 1 << 31
    /// Leaf 1, EDX.
    static let multiThreaded: UInt32 = 1 << 28
  }

  /// Level 0: one thread a core; level 1: all cores in one package.
  private static func setTopology(_ leaf: inout CPUID.Leaf, identifier: UInt32, count: Int) {
    leaf.edx = identifier
    switch leaf.index {
    case 0: (leaf.eax, leaf.ebx, leaf.ecx) = (0, 1, 1 << 8)
    case 1:
      let width = UInt32(Int.bitWidth - max(count - 1, 0).leadingZeroBitCount)
      (leaf.eax, leaf.ebx, leaf.ecx) = (width, UInt32(truncatingIfNeeded: count), 2 << 8 | 1)
    default: (leaf.eax, leaf.ebx, leaf.ecx) = (0, 0, leaf.index)
    }
  }
}
