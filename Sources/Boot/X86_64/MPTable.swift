/// Intel's MultiProcessor table: the floating pointer, then the configuration table (MultiProcessor Specification 1.4,
/// section 4).
///
/// A kernel that can read one searches 64 KiB for it, 3.4 million instructions when there is none; so it is written
/// beside every other description too.
enum MPTable {
  private static let pointerSize = 16
  private static let headerSize = 44
  private static let isaBus: UInt8 = 0
  private static let revision: UInt8 = 4  // 1.4

  /// - Parameter listingProcessors: without, the table ends the search and leaves the machine to a device tree, beside
  ///   which Linux would count each processor a second time. It then has one interrupt source, for system management,
  ///   which nothing uses: for a table without any Linux makes up a set of its own.
  static func encoded(_ layout: MachineLayout, listingProcessors: Bool) -> [UInt8] {
    let entries = listingProcessors ? self.entries(layout) : [[3, 2, 0, 0, isaBus, 0, 0xff, 0]]
    var table = header(entries)
    table += entries.joined()
    table[7] = table.balancingByte
    return pointer(to: X86Layout.mpTable + UInt64(pointerSize)) + table
  }

  private static func pointer(to table: UInt64) -> [UInt8] {
    var bytes = Array("_MP_".utf8)
    bytes.append(number: UInt32(table))
    bytes += [1, revision, 0]  // length in 16 bytes, revision, checksum
    bytes += [0, 0, 0, 0, 0]  // a configuration table is present, no PIC mode
    bytes[10] = bytes.balancingByte
    return bytes
  }

  private static func header(_ entries: [[UInt8]]) -> [UInt8] {
    let size = headerSize + entries.reduce(0) { $0 + $1.count }
    var bytes = Array("PCMP".utf8)
    bytes.append(number: UInt16(size))
    bytes += [revision, 0]  // checksum
    bytes += Array("SWIFTLETMICROVM     ".utf8)
    bytes.append(number: UInt32(0))  // OEM table
    bytes.append(number: UInt16(0))
    bytes.append(number: UInt16(entries.count))
    bytes.append(number: UInt32(X86Layout.localAPIC))
    bytes.append(number: UInt32(0))  // no extended entries
    return bytes
  }

  private static func entries(_ layout: MachineLayout) -> [[UInt8]] {
    let ioAPIC = UInt8(layout.cpuCount)
    let processors = (0..<UInt8(layout.cpuCount)).map { processor($0) }
    let pins = (0..<UInt8(X86Layout.interruptPins)).map { pin -> [UInt8] in
      [3, 0, 0, 0, isaBus, pin, ioAPIC, pin]  // conforms to its bus: ISA is edge triggered, active high
    }
    let local: [[UInt8]] = [
      [4, 3, 0, 0, isaBus, 0, 0, 0],  // external interrupt at LINT0 of the first processor
      [4, 1, 0, 0, isaBus, 0, 0xff, 1],  // NMI at LINT1 of all
    ]
    return processors + [bus, controller(ioAPIC)] + pins + local
  }

  private static func processor(_ identifier: UInt8) -> [UInt8] {
    var bytes: [UInt8] = [0, identifier, 0x14, identifier == 0 ? 3 : 1]  // usable; bit 1: the first to run
    bytes.append(number: UInt32(0x600))  // family 6
    bytes.append(number: UInt32(0x201))  // FPU, APIC
    return bytes + [UInt8](repeating: 0, count: 8)
  }

  private static var bus: [UInt8] { [1, isaBus] + Array("ISA   ".utf8) }

  private static func controller(_ identifier: UInt8) -> [UInt8] {
    var bytes: [UInt8] = [2, identifier, 0x11, 1]  // version, usable
    bytes.append(number: UInt32(X86Layout.ioAPIC))
    return bytes
  }
}
