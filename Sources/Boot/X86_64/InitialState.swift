/// The registers of the first processor at a kernel's entry, with the names of `kvm_regs` and `kvm_sregs`. Those not
/// named are zero.
public struct InitialState: Equatable, Sendable {
  /// A descriptor table register.
  public struct TableRegister: Equatable, Sendable {
    public let base: UInt64
    /// Last offset, in bytes.
    public let limit: UInt16
  }

  public let rip: UInt64
  public let rsp: UInt64
  public let rsi: UInt64
  public let rbx: UInt64
  public let rflags: UInt64
  public let cr0: UInt64
  public let cr3: UInt64
  public let cr4: UInt64
  public let efer: UInt64
  public let cs: Segment
  /// For ds, es, fs, gs and ss.
  public let data: Segment
  public let tr: Segment
  public let gdt: TableRegister
  /// Empty: an exception before the kernel has its own table ends the machine.
  public let idt: TableRegister

  private init(
    rip: UInt64, rsi: UInt64, rbx: UInt64, cr0: UInt64, cr3: UInt64, cr4: UInt64, efer: UInt64, cs: Segment
  ) {
    self.rip = rip
    self.rsi = rsi
    self.rbx = rbx
    self.cr0 = cr0
    self.cr3 = cr3
    self.cr4 = cr4
    self.efer = efer
    self.cs = cs
    rsp = X86Layout.stackTop
    rflags = 2  // the bit that is always set
    data = .data
    tr = .task
    gdt = TableRegister(
      base: X86Layout.segmentTable, limit: UInt16(SegmentTables.encoded(code: cs).count - 1))
    idt = TableRegister(base: X86Layout.interruptTable, limit: 0)
  }

  /// The 64-bit boot protocol: long mode, paging, interrupts off, RSI = boot_params
  /// (Linux, Documentation/x86/boot.rst, "64-bit Boot Protocol").
  static func linux64(entry: UInt64) -> InitialState {
    InitialState(
      rip: entry, rsi: X86Layout.bootParameters, rbx: 0,
      cr0: 0x8005_0033,  // PG, AM, WP, NE, ET, MP, PE
      cr3: X86Layout.pageTables,
      cr4: 0x20,  // PAE
      efer: 0x500,  // LMA, LME
      cs: .code64)
  }

  /// The PVH boot ABI: 32-bit protected mode, no paging, interrupts off, EBX = hvm_start_info.
  static func pvh(entry: UInt32) -> InitialState {
    InitialState(
      rip: UInt64(entry), rsi: 0, rbx: X86Layout.startInfo,
      cr0: 0x11,  // ET, PE
      cr3: 0, cr4: 0, efer: 0, cs: .code32)
  }
}
