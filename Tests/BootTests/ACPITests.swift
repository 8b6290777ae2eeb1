import Testing

@testable import Boot

@Suite struct ACPITests {
  let block = ACPITables.encoded(.example, at: 0xe0000)

  private func table(_ signature: String) throws -> [UInt8] {
    let directory = try #require(block.number(UInt64.self, 24))
    for index in 0..<2 {
      let entry = Int(directory - 0xe0000) + 36 + 8 * index
      let address = Int(try #require(block.number(UInt64.self, entry)) - 0xe0000)
      let found = try slice(address)
      if signature == "DSDT", found.starts(with: "FACP".utf8) {
        return try slice(Int(try #require(found.number(UInt64.self, 140)) - 0xe0000))
      }
      if found.starts(with: signature.utf8) { return found }
    }
    Issue.record("no \(signature)")
    return []
  }

  private func slice(_ offset: Int) throws -> [UInt8] {
    let count = Int(try #require(block.number(UInt32.self, offset + 4)))
    return try #require(ByteView(block).slice(at: offset, count: count))
  }

  @Test func everyTableSumsToZero() throws {
    #expect(block.prefix(20).reduce(0, &+) == 0)
    #expect(block.prefix(36).reduce(0, &+) == 0)
    for name in ["FACP", "APIC", "DSDT"] { #expect(try table(name).reduce(0, &+) == 0, "\(name)") }
  }

  @Test func processorsAreEnabledInOrder() throws {
    let contents = Array(try table("APIC").dropFirst(44))
    #expect(contents.prefix(16).elementsEqual([0, 8, 0, 0, 1, 0, 0, 0, 0, 8, 1, 1, 1, 0, 0, 0]))
    #expect(contents[16..<28].elementsEqual([1, 12, 2, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]))
  }

  @Test func packageLengthsGrow() {
    for count in [0, 1, 61, 62, 63, 4092, 4093, 4094, 70_000] {
      let package = AML.scope("ABCD", [[UInt8](repeating: 0xa3, count: count)])
      let lead = Int(package[1])
      let following = lead >> 6
      var length = following == 0 ? lead & 0x3f : lead & 0xf
      for index in 0..<following { length |= Int(package[2 + index]) << (4 + 8 * index) }
      #expect(length == package.count - 1, "\(count) bytes")
    }
  }

  @Test func identifiersAreCompressed() {
    #expect(AML.eisaIdentifier("PNP0501") == [0x0c, 0x41, 0xd0, 0x05, 0x01])
    #expect(AML.eisaIdentifier("PNP0B00") == [0x0c, 0x41, 0xd0, 0x0b, 0x00])
  }

  @Test(.enabled(if: has("iasl"))) func compilerReadsTheTables() throws {
    let folder = try ScratchFolder()
    for name in ["FACP", "APIC", "DSDT"] {
      let path = try folder.write(try table(name), name + ".aml")
      let result = runTool("cd \(folder.path) && iasl -d \(path) && cat \(name).dsl")
      #expect(result.status == 0)
      #expect(!result.output.contains("Invalid"), "\(result.output)")
      #expect(!result.output.contains("Incorrect checksum"), "\(result.output)")
      for text in expected[name] ?? [] { #expect(result.output.contains(text), "\(name): \(result.output)") }
    }
    // What comes apart goes together again to the same bytes, but for the compiler's own header fields.
    let again = runTool("cd \(folder.path) && iasl -p again DSDT.dsl")
    #expect(again.output.contains("0 Errors, 0 Warnings"), "\(again.output)")
  }

  private let expected = [
    "DSDT": [
      "Name (_HID, \"LNRO0005\")", "0xD0002000", "EisaId (\"PNP0501\")", "EisaId (\"PNP0B00\")",
      "Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive", "Name (\\_S5, Package (0x01)",
    ],
    "FACP": [
      "Hardware Reduced (V5) : 1", "Reset Register Supported (V2) : 1",
      "Address : 0000000000000064", "Value to cause reset : FE",
      "Address : 0000000000000600", "Address : 0000000000000601",
    ],
    "APIC": ["Processor ID : 01", "Address : FEC00000"],
  ]
}
