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

  /// - Throws: `tableTooLarge` where a description outgrows its place.
  init(_ layout: MachineLayout, _ description: HardwareDescription) throws(BootError) {
    let processors = description != .deviceTree
    let mpTable = Table(
      address: X86Layout.mpTable, bytes: MPTable.encoded(layout, listingProcessors: processors))
    tables = [mpTable]
    rootPointer = 0
    deviceTree = nil
  }
}
