/// What the PVH boot ABI hands to a kernel: struct hvm_start_info, version 1, with its memory map and list of modules
/// (Xen, public/arch-x86/hvm/start_info.h).
enum StartInfo {
  private static let size = 56
  private static let memoryEntrySize = 24
  private static let moduleEntrySize = 32

  /// The structure, then the memory map, then the module, to be put at ``X86Layout/startInfo``.
  /// - Parameter rootPointer: address of the ACPI root pointer, 0 for none.
  static func encoded(_ layout: MachineLayout, rootPointer: UInt64) -> [UInt8] {
    let usable = layout.usableMemory
    let memoryMap = X86Layout.startInfo + UInt64(size)
    let modules = memoryMap + UInt64(memoryEntrySize * usable.count)
    var bytes: [UInt8] = []
    bytes.append(number: UInt32(0x336e_c578))
    bytes.append(number: UInt32(1))  // version
    bytes.append(number: UInt32(0))  // flags
    bytes.append(number: UInt32(layout.initrd == nil ? 0 : 1))
    bytes.append(number: layout.initrd == nil ? 0 : modules)
    bytes.append(number: X86Layout.commandLine)
    bytes.append(number: rootPointer)
    bytes.append(number: memoryMap)
    bytes.append(number: UInt32(usable.count))
    bytes.append(number: UInt32(0))
    for range in usable {
      bytes.append(number: range.lowerBound)
      bytes.append(number: range.upperBound - range.lowerBound)
      bytes.append(number: UInt32(1))  // RAM
      bytes.append(number: UInt32(0))
    }
    if let initrd = layout.initrd {
      for field in [initrd.lowerBound, initrd.upperBound - initrd.lowerBound, 0, 0] {
        bytes.append(number: field)
      }
    }
    return bytes
  }
}
