/// Every guest-physical address that the x86_64 boot writes or names. All in bytes.
///
/// RAM below 1 MiB has a hole in the memory map given to the guest (``biosHole``): tables there stay untouched and
/// need no entry of their own in it, which keeps the map at two entries; each more costs the guest start-up time.
public enum X86Layout {
  // Used until the kernel has its own; in RAM that it may take afterwards.
  static let segmentTable: UInt64 = 0x1000
  static let interruptTable: UInt64 = 0x1800
  static let startInfo: UInt64 = 0x6000
  static let bootParameters: UInt64 = 0x7000
  static let stackTop: UInt64 = 0x8ff0
  static let pageTables: UInt64 = 0x9000
  static let commandLine: UInt64 = 0x20000

  /// The first page is left out: kernels reserve it for firmware data, which would split the entry.
  static let lowMemory: Range<UInt64> = 0x1000..<0x9_0000
  /// RAM that the guest's memory map leaves out.
  public static let biosHole: Range<UInt64> = 0x9_0000..<0x10_0000
  /// The part of ``biosHole`` where nothing is written here: pages for what a host needs to complete.
  public static let hostPages: Range<UInt64> = 0x9_0000..<0x9_e000

  static let setupData: UInt64 = 0x9_f000
  /// The start of the last KiB of base memory, where kernels look first (MultiProcessor Specification 1.4, 4).
  static let mpTable: UInt64 = 0x9_fc00
  static let deviceTree: Range<UInt64> = 0xa_2000..<0xe_0000
  /// The root pointer comes first: the start of the range that kernels search (ACPI 6.4, 5.2.5.1).
  static let acpiTables: Range<UInt64> = 0xe_0000..<0x10_0000

  /// Where kernels may be loaded from.
  static let highMemory: UInt64 = 0x10_0000
  /// Mapped one to one at entry.
  static let identityMapped: UInt64 = 1 << 30
  /// The highest address for an initrd's end (boot protocol 2.03, initrd_addr_max of x86_64 kernels, plus one).
  static let initrdEnd: UInt64 = 0x8000_0000

  /// The first virtio-mmio window; see ``VirtioWindow``.
  public static let virtioWindows: UInt64 = 0xd000_0000
  /// One register, behind the windows.
  public static let panicDevice: UInt64 = 0xd010_0000
  public static let ioAPIC: UInt64 = 0xfec0_0000
  public static let localAPIC: UInt64 = 0xfee0_0000
  /// Pins of the I/O APIC.
  public static let interruptPins = 24

  static let serialPort: UInt16 = 0x3f8
  static let serialInterrupt: UInt8 = 4
  static let keyboardCommandPort: UInt16 = 0x64
  static let clockPort: UInt16 = 0x70
  static let sleepControlPort: UInt16 = 0x600
  static let sleepStatusPort: UInt16 = 0x601
  /// The SLP_TYP that means power off.
  static let sleepTypeOff: UInt8 = 5

  /// APIC identifiers 0 to 253 name processors, 254 or less the I/O APIC; 255 means all of them.
  public static let maximumCPUs = 254
}
