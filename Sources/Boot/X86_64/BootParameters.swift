/// What the 64-bit boot protocol hands to Linux: the zero page and the chain of setup_data
/// (Linux, Documentation/x86/zero-page.rst and boot.rst).
enum BootParameters {
  static let size = 4096
  private static let entryLimit = 128

  /// struct boot_params for a kernel that is entered at its ELF entry point, so with a setup header made here.
  /// - Parameters:
  ///   - setupData: address of the first setup_data, 0 for none.
  ///   - rootPointer: address of the ACPI root pointer, 0 for none.
  static func encoded(_ layout: MachineLayout, setupData: UInt64, rootPointer: UInt64) -> [UInt8] {
    var page = [UInt8](repeating: 0, count: size)
    page.put(rootPointer, at: Offset.rootPointer)
    page.put(UInt16(0xaa55), at: Offset.bootFlag)
    page.put(UInt32(0x5372_6448), at: Offset.header)  // "HdrS"
    page.put(UInt16(0x020f), at: Offset.version)
    page.put(UInt8(0xff), at: Offset.loaderType)  // one without a number of its own
    page.put(UInt8(1), at: Offset.loadFlags)  // LOADED_HIGH
    page.put(UInt32(X86Layout.commandLine), at: Offset.commandLine)
    page.put(UInt32(KernelCommandLine.limit), at: Offset.commandLineSize)
    page.put(UInt32(X86Layout.initrdEnd - 1), at: Offset.initrdAddressMaximum)
    page.put(setupData, at: Offset.setupData)
    if let initrd = layout.initrd {
      page.put(UInt32(initrd.lowerBound), at: Offset.initrdAddress)
      page.put(UInt32(initrd.count), at: Offset.initrdSize)
    }
    let usable = layout.usableMemory.prefix(entryLimit)
    page.put(UInt8(usable.count), at: Offset.memoryMapCount)
    for (index, range) in usable.enumerated() {
      let entry = Offset.memoryMap + 20 * index
      page.put(range.lowerBound, at: entry)
      page.put(range.upperBound - range.lowerBound, at: entry + 8)
      page.put(UInt32(1), at: entry + 16)  // RAM
    }
    return page
  }

  /// struct setup_data: a link of the chain.
  static func setupData(_ kind: SetupDataKind, _ contents: [UInt8], next: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(number: next)
    bytes.append(number: kind.rawValue)
    bytes.append(number: UInt32(contents.count))
    return bytes + contents
  }

  enum SetupDataKind: UInt32 {
    case deviceTree = 2
    case randomSeed = 9
  }

  /// In struct boot_params, in bytes.
  private enum Offset {
    static let rootPointer = 0x70
    static let memoryMapCount = 0x1e8
    static let bootFlag = 0x1fe
    static let header = 0x202
    static let version = 0x206
    static let loaderType = 0x210
    static let loadFlags = 0x211
    static let initrdAddress = 0x218
    static let initrdSize = 0x21c
    static let commandLine = 0x228
    static let initrdAddressMaximum = 0x22c
    static let commandLineSize = 0x238
    static let setupData = 0x250
    static let memoryMap = 0x2d0
  }
}
