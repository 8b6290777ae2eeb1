/// The ACPI description of a machine: hardware-reduced, so without the interrupt and timer of older platforms
/// (ACPI 6.4, section 4.1). One block of bytes that begins with the root pointer.
enum ACPITables {
  /// - Parameter base: where the block will be, a multiple of 16.
  static func encoded(_ layout: MachineLayout, at base: UInt64) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 48)  // the root pointer, and what aligns the next table
    func place(_ table: [UInt8]) -> UInt64 {
      let address = base + UInt64(block.count)
      block += table + [UInt8](repeating: 0, count: -table.count & 15)
      return address
    }
    let definitions = place(definitionBlock(layout))
    let fixed = place(fixedDescription(definitions: definitions))
    let processors = place(processorTable(layout))
    var list: [UInt8] = []
    list.append(number: fixed)
    list.append(number: processors)
    let directory = place(table("XSDT", revision: 1, list))
    block.replaceSubrange(0..<36, with: rootPointer(directory: directory))
    return block
  }

  private static let owner = Array("SWIFTL".utf8)

  /// RSDP (section 5.2.5.3).
  private static func rootPointer(directory: UInt64) -> [UInt8] {
    var bytes = Array("RSD PTR ".utf8) + [0] + owner + [2]
    bytes.append(number: UInt32(0))  // no 32-bit directory
    bytes[8] = bytes.balancingByte
    bytes.append(number: UInt32(36))
    bytes.append(number: directory)
    bytes += [0, 0, 0, 0]
    bytes[32] = bytes.balancingByte
    return bytes
  }

  /// A table with its header (section 5.2.6).
  private static func table(_ signature: String, revision: UInt8, _ contents: [UInt8]) -> [UInt8] {
    var bytes = Array(signature.utf8)
    bytes.append(number: UInt32(36 + contents.count))
    bytes += [revision, 0] + owner + Array("MICROVM ".utf8)
    bytes.append(number: UInt32(1))
    bytes += Array("SWFT".utf8)
    bytes.append(number: UInt32(1))
    bytes += contents
    bytes[9] = bytes.balancingByte
    return bytes
  }

  /// FADT (section 5.2.9).
  private static func fixedDescription(definitions: UInt64) -> [UInt8] {
    let headerSize = 36
    var contents = [UInt8](repeating: 0, count: 276 - headerSize)
    func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
      contents.put(value, at: offset - headerSize)
    }
    /// A byte-wide register in port space, as a generic address structure (section 5.2.3.2).
    func put(port: UInt16, at offset: Int) {
      put(UInt32(0x0100_0801), at: offset)  // ports, 8 bits, from bit 0, accessed as bytes
      put(UInt64(port), at: offset + 4)
    }
    put(UInt32(definitions), at: 40)
    put(UInt16(1 << 2), at: 109)  // no VGA, no keyboard controller to look for
    // WBINVD works; no power button, no sleep button; no wake from a fixed clock register; reset register; headless;
    // hardware-reduced
    let flags: [UInt32] = [0, 4, 5, 6, 10, 12, 20]
    put(flags.reduce(0) { $0 | 1 << $1 } as UInt32, at: 112)
    put(port: X86Layout.keyboardCommandPort, at: 116)
    put(UInt8(0xfe), at: 128)
    put(UInt8(4), at: 131)  // minor revision
    put(definitions, at: 140)
    put(port: X86Layout.sleepControlPort, at: 244)
    put(port: X86Layout.sleepStatusPort, at: 256)
    return table("FACP", revision: 6, contents)
  }

  /// MADT (section 5.2.12).
  private static func processorTable(_ layout: MachineLayout) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(number: UInt32(X86Layout.localAPIC))
    bytes.append(number: UInt32(0))  // no 8259
    for identifier in 0..<UInt8(layout.cpuCount) {
      bytes += [0, 8, identifier, identifier, 1, 0, 0, 0]  // processor, APIC, enabled
    }
    bytes += [1, 12, UInt8(layout.cpuCount), 0]  // I/O APIC
    bytes.append(number: UInt32(X86Layout.ioAPIC))
    bytes.append(number: UInt32(0))  // its first interrupt
    bytes += [4, 6, 0xff, 0, 0, 1]  // NMI at LINT1 of all processors
    return table("APIC", revision: 5, bytes)
  }

  /// DSDT: the devices, and how to power off.
  private static func definitionBlock(_ layout: MachineLayout) -> [UInt8] {
    var devices = layout.virtio.enumerated().map { virtioDevice($0.element, index: $0.offset) }
    if layout.hasSerial { devices.append(serialPort) }
    devices.append(clock)
    devices.append(panicDevice)
    let off = AML.package([AML.integer(UInt32(X86Layout.sleepTypeOff))])
    return table("DSDT", revision: 2, AML.name("\\_S5_", off) + AML.scope("\\_SB_", devices))
  }

  /// LNRO0005 is the identifier that Linux's virtio-mmio driver answers to.
  private static func virtioDevice(_ window: VirtioWindow, index: Int) -> [UInt8] {
    let digits = (index < 10 ? "00" : "0") + String(index)
    return AML.device(
      "V" + digits,
      [
        AML.name("_HID", AML.string("LNRO0005")),
        AML.name("_UID", AML.integer(UInt32(index))),
        AML.name("_CCA", AML.integer(1)),
        AML.name(
          "_CRS",
          AML.resources([
            AML.memory(UInt32(window.address), size: UInt32(VirtioWindow.size)),
            AML.interrupt(window.interrupt),
          ])),
      ])
  }

  private static var serialPort: [UInt8] {
    AML.device(
      "COM1",
      [
        AML.name("_HID", AML.eisaIdentifier("PNP0501")),
        AML.name("_UID", AML.integer(1)),
        AML.name(
          "_CRS",
          AML.resources([
            AML.ports(X86Layout.serialPort, count: 8), AML.interrupt(X86Layout.serialInterrupt),
          ])),
      ])
  }

  /// QEMU0001 is the identifier that Linux's pvpanic driver answers to.
  private static var panicDevice: [UInt8] {
    AML.device(
      "PEVT",
      [
        AML.name("_HID", AML.string("QEMU0001")),
        AML.name("_CRS", AML.resources([AML.memory(UInt32(X86Layout.panicDevice), size: 1)])),
      ])
  }

  private static var clock: [UInt8] {
    AML.device(
      "RTC_",
      [
        AML.name("_HID", AML.eisaIdentifier("PNP0B00")),
        AML.name("_CRS", AML.resources([AML.ports(X86Layout.clockPort, count: 2)])),
      ])
  }
}
