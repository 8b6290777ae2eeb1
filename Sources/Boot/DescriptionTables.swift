/// The tables that describe a machine to its guest, and where they go.
struct DescriptionTables {
  struct Table {
    let address: UInt64
    let bytes: [UInt8]
  }

  let tables: [Table]
  /// Address of the ACPI root pointer; 0 for none.
  let rootPointer: UInt64
  /// The flattened tree that goes with the boot parameters.
  let deviceTree: [UInt8]?

  /// - Throws: `tableTooLarge` where a description outgrows its place, `deviceTree`.
  init(_ layout: MachineLayout, _ description: HardwareDescription) throws(BootError) {
    let pointers = MPTable.encoded(layout, listingProcessors: description != .deviceTree)
    let mpTable = Table(address: X86Layout.mpTable, bytes: pointers)
    guard mpTable.address + UInt64(pointers.count) <= X86Layout.deviceTree.lowerBound else {
      throw .tableTooLarge("MP table")
    }
    switch description {
    case .mpTable:
      tables = [mpTable]
      rootPointer = 0
      deviceTree = nil
    case .acpi:
      let acpi = ACPITables.encoded(layout, at: X86Layout.acpiTables.lowerBound)
      guard acpi.count <= X86Layout.acpiTables.count else { throw .tableTooLarge("set of ACPI tables") }
      tables = [mpTable, Table(address: X86Layout.acpiTables.lowerBound, bytes: acpi)]
      rootPointer = X86Layout.acpiTables.lowerBound
      deviceTree = nil
    case .deviceTree:
      tables = [mpTable]
      rootPointer = 0
      deviceTree = try DeviceTree.encoded(layout, limit: 1 << 16)
    }
  }
}
