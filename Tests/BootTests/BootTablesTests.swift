import Testing

@testable import Boot

@Suite struct BootTablesTests {
  @Test func bootParametersAreWhereTheProtocolHasThem() {
    let page = BootParameters.encoded(.example, setupData: 0x9f000, rootPointer: 0xe0000)
    #expect(page.count == 4096)
    #expect(page.number(UInt64.self, 0x70) == 0xe0000)
    #expect(page[0x1ef] == 0, "the sentinel tells a cleared page")
    #expect(page[0x1e8] == 2)
    #expect(page.number(UInt16.self, 0x1fe) == 0xaa55)
    #expect(page[0x202..<0x206].elementsEqual("HdrS".utf8))
    #expect(page[0x210] == 0xff)
    #expect(page[0x211] == 1)
    #expect(page.number(UInt32.self, 0x218) == 0x200_0000)
    #expect(page.number(UInt32.self, 0x21c) == 0x10_0000)
    #expect(page.number(UInt32.self, 0x228) == 0x20000)
    #expect(page.number(UInt64.self, 0x250) == 0x9f000)
    #expect(page.number(UInt64.self, 0x2d0) == 0x1000)
    #expect(page.number(UInt64.self, 0x2d8) == 0x8f000)
    #expect(page.number(UInt32.self, 0x2e0) == 1)
    #expect(page.number(UInt64.self, 0x2e4) == 0x10_0000)
    #expect(page.number(UInt64.self, 0x2ec) == 0x7f0_0000)
    #expect(page.number(UInt32.self, 0x2f4) == 1)
    #expect(page[0x2f8...].allSatisfy { $0 == 0 })
  }

  @Test func memoryAboveTheHoleIsAnEntryOfItsOwn() {
    var layout = MachineLayout.example
    layout.memory = [0..<0xc000_0000, 0x1_0000_0000..<0x1_4000_0000]
    #expect(
      layout.usableMemory == [0x1000..<0x9_0000, 0x10_0000..<0xc000_0000, 0x1_0000_0000..<0x1_4000_0000])
  }

  @Test func setupDataIsALink() {
    #expect(
      BootParameters.setupData(.randomSeed, [7, 8], next: 0x1234)
        == [0x34, 0x12, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 7, 8])
  }

  @Test func startInfoHasMapAndModule() {
    let bytes = StartInfo.encoded(.example, rootPointer: 0xe0000)
    #expect(bytes.count == 56 + 2 * 24 + 32)
    #expect(bytes.number(UInt32.self, 0) == 0x336e_c578)
    #expect(bytes.number(UInt32.self, 4) == 1)
    #expect(bytes.number(UInt32.self, 12) == 1)
    #expect(bytes.number(UInt64.self, 16) == X86Layout.startInfo + 104)
    #expect(bytes.number(UInt64.self, 24) == 0x20000)
    #expect(bytes.number(UInt64.self, 32) == 0xe0000)
    #expect(bytes.number(UInt64.self, 40) == X86Layout.startInfo + 56)
    #expect(bytes.number(UInt32.self, 48) == 2)
    #expect(bytes.number(UInt64.self, 56 + 24) == 0x10_0000)
    #expect(bytes.number(UInt64.self, 104) == 0x200_0000)
    #expect(bytes.number(UInt64.self, 112) == 0x10_0000)
  }

  @Test func pageTablesMapAddressesToThemselves() {
    let bytes = PageTables.encoded(at: 0x9000)
    #expect(bytes.count == 3 * 4096)
    #expect(bytes.number(UInt64.self, 0) == 0xa003)
    #expect(bytes.number(UInt64.self, 4096) == 0xb003)
    for page in 0..<512 {
      #expect(bytes.number(UInt64.self, 2 * 4096 + 8 * page) == UInt64(page) << 21 | 0x83)
    }
    #expect(bytes[8..<4096].allSatisfy { $0 == 0 })
  }

  @Test func segmentDescriptorsAreTheUsualOnes() {
    #expect(Segment.code64.descriptor == 0x00af_9b00_0000_ffff)
    #expect(Segment.code32.descriptor == 0x00cf_9b00_0000_ffff)
    #expect(Segment.data.descriptor == 0x00cf_9300_0000_ffff)
    #expect(Segment.task.descriptor == 0x0000_8b00_0000_0067)
    #expect(SegmentTables.encoded(code: .code64).count == 48)
  }

  @Test func multiprocessorTableSumsToZeroAndCounts() {
    let bytes = MPTable.encoded(.example, listingProcessors: true)
    #expect(bytes.prefix(4).elementsEqual("_MP_".utf8))
    #expect(bytes.number(UInt32.self, 4) == 0x9fc10)
    #expect(bytes.prefix(16).reduce(0, &+) == 0)
    let table = Array(bytes.dropFirst(16))
    #expect(table.prefix(4).elementsEqual("PCMP".utf8))
    #expect(table.number(UInt16.self, 4) == UInt16(table.count))
    #expect(table.reduce(0, &+) == 0)
    #expect(table.number(UInt32.self, 36) == 0xfee0_0000)
    var entries: [UInt8: Int] = [:]
    var offset = 44
    while offset < table.count {
      entries[table[offset], default: 0] += 1
      offset += table[offset] == 0 ? 20 : 8
    }
    #expect(entries == [0: 2, 1: 1, 2: 1, 3: 24, 4: 2])
    #expect(table.number(UInt16.self, 34) == 30)
    #expect(table[44..<48].elementsEqual([0, 0, 0x14, 3]))
    #expect(table[64..<68].elementsEqual([0, 1, 0x14, 1]))
  }

  @Test func multiprocessorTableBesideATreeNamesNoHardware() {
    let table = Array(MPTable.encoded(.example, listingProcessors: false).dropFirst(16))
    #expect(table.count == 52)
    #expect(table.reduce(0, &+) == 0)
    #expect(table[44..<46].elementsEqual([3, 2]), "one interrupt source, of system management")
  }

  @Test(arguments: HardwareDescription.allCases)
  func everyDescriptionOfTheLargestMachineFits(_ description: HardwareDescription) throws {
    var layout = MachineLayout.example
    layout.cpuCount = X86Layout.maximumCPUs
    layout.virtio = VirtioWindow.interrupts.indices.compactMap { VirtioWindow(index: $0) }
    let tables = try DescriptionTables(layout, description)
    for table in tables.tables {
      #expect(X86Layout.biosHole.contains(table.address))
      #expect(table.address + UInt64(table.bytes.count) <= X86Layout.biosHole.upperBound)
    }
  }

  @Test func windowsEndWithTheInterrupts() {
    #expect(VirtioWindow(index: 0)?.address == 0xd000_0000)
    #expect(VirtioWindow(index: 3)?.interrupt == 10)
    #expect(VirtioWindow(index: 16)?.interrupt == 23)
    #expect(VirtioWindow(index: 17) == nil)
    #expect(VirtioWindow(index: -1) == nil)
  }
}
