import DeviceFakes

@testable import Boot

extension BootedMachine {
  /// The MP table, and ACPI where planned; a device tree hangs on the boot parameters.
  func checkDescription() throws {
    try checkMPTable()
    if plan.description == .acpi { try checkACPI(rootPointer: 0xe_0000) }
  }

  /// MultiProcessor Specification 1.4, section 4.
  private func checkMPTable() throws {
    let pointer = try bytes(0x9_fc00, 16)
    try check(Array(pointer[..<4]) == Array("_MP_".utf8) && isBalanced(pointer), "no MP pointer")
    let table = UInt64(try number(UInt32.self, 0x9_fc04))
    let length = UInt64(try number(UInt16.self, table + 4))
    try check(try bytes(table, 4) == Array("PCMP".utf8) && isBalanced(bytes(table, length)), "no MP table")
    var place = table + 44
    var processors = 0
    for _ in 0..<(try number(UInt16.self, table + 34)) {
      let isProcessor = try number(UInt8.self, place) == 0
      processors += isProcessor ? 1 : 0
      place += isProcessor ? 20 : 8
    }
    try check(place == table + length, "the MP table's entries end elsewhere than it")
    try check(processors == (plan.description == .deviceTree ? 0 : plan.cpuCount), "\(processors) processors")
  }

  /// ACPI 6.4, sections 5.2.5 to 5.2.12.
  private func checkACPI(rootPointer: UInt64) throws {
    let root = try bytes(rootPointer, 36)
    try check(Array(root[..<8]) == Array("RSD PTR ".utf8), "no root pointer")
    try check(isBalanced(Array(root[..<20])) && isBalanced(root), "the root pointer's checksums are wrong")
    let directory = try table("XSDT", at: try number(UInt64.self, rootPointer + 24))
    var rest = ByteReader(Array(directory.dropFirst(36)))
    let fixed = try rest.number(8)
    let processors = try rest.number(8)
    try check(rest.isAtEnd, "an XSDT of \(directory.count) bytes")
    let definitions = try number(UInt64.self, fixed + 140)
    try check(try table("FACP", at: fixed).count == 276, "a FADT of another length")
    try check(try number(UInt32.self, fixed + 40) == definitions, "the FADT names two DSDTs")

    var entries = ByteReader(Array(try table("APIC", at: processors).dropFirst(44)))
    var count = 0
    while !entries.isAtEnd {
      count += try entries.number(1) == 0 ? 1 : 0
      _ = try entries.take(Int(try entries.number(1)) - 2)
    }
    try check(count == plan.cpuCount, "\(count) processors in the MADT")
    var program = AMLCheck(Array(try table("DSDT", at: definitions).dropFirst(36)))
    try check(
      program.run() == plan.virtio.count + (plan.hasSerial ? 3 : 2), "devices are missing in the DSDT")
  }

  private func table(_ signature: String, at address: UInt64) throws -> [UInt8] {
    let table = try bytes(address, UInt64(try number(UInt32.self, address + 4)))
    try check(Array(table.prefix(4)) == Array(signature.utf8), "no \(signature)")
    try check(isBalanced(table), "the \(signature)'s checksum is wrong")
    try check(
      X86Layout.acpiTables.contains(address + UInt64(table.count) - 1), "the \(signature) is in the way")
    return table
  }

  private func isBalanced(_ bytes: [UInt8]) -> Bool { bytes.reduce(0, &+) == 0 }
}

/// Reads bytes in order; past their end is a finding.
struct ByteReader {
  private let bytes: [UInt8]
  private(set) var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }

  mutating func take(_ count: Int) throws -> [UInt8] {
    try check(
      count >= 0 && count <= bytes.count - position, "\(count) bytes wanted at \(position) of \(bytes.count)")
    defer { position += count }
    return Array(bytes[position..<(position + count)])
  }

  /// Little-endian.
  mutating func number(_ width: Int) throws -> UInt64 {
    try take(width).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func bigEndian() throws -> Int { try take(4).reduce(0) { $0 << 8 | Int($1) } }

  /// Up to a zero byte.
  mutating func text() throws -> String {
    var text: [UInt8] = []
    while case let byte = try take(1)[0], byte != 0 { text.append(byte) }
    return String(decoding: text, as: UTF8.self)
  }

  func peek() -> UInt8? { isAtEnd ? nil : bytes[position] }
}

/// Follows ACPI machine language (ACPI 6.4, section 20.2), as far as descriptions of devices use it: every length
/// must fit what it counts.
struct AMLCheck {
  private var reader: ByteReader
  private var devices = 0

  init(_ bytes: [UInt8]) { reader = ByteReader(bytes) }

  /// The number of devices.
  mutating func run() throws -> Int {
    while !reader.isAtEnd { try term() }
    return devices
  }

  private mutating func term() throws {
    switch try reader.number(1) {
    case 0x08:
      try name()
      try value()
    case 0x10: try terms()
    case 0x5b:
      try check(try reader.number(1) == 0x82, "an unknown object")
      devices += 1
      try terms()
    case let code: throw Finding(description: "an unknown term \(code)")
    }
  }

  private mutating func terms() throws {
    let end = try packageEnd()
    try name()
    while reader.position < end { try term() }
    try check(reader.position == end, "a package ends at \(reader.position), not \(end)")
  }

  private mutating func value() throws {
    switch try reader.number(1) {
    case 0, 1: break
    case 0x0a: _ = try reader.take(1)
    case 0x0b: _ = try reader.take(2)
    case 0x0c: _ = try reader.take(4)
    case 0x0d: _ = try reader.text()
    case 0x11:
      let end = try packageEnd()
      try value()
      try resources(until: end)
    case 0x12:
      let end = try packageEnd()
      for _ in 0..<(try reader.number(1)) { try value() }
      try check(reader.position == end, "a package ends at \(reader.position), not \(end)")
    case let code: throw Finding(description: "an unknown value \(code)")
    }
  }

  /// Section 6.4: items with lengths of their own, then an end tag.
  private mutating func resources(until end: Int) throws {
    while case let tag = try reader.number(1), tag != 0x79 {
      _ = try reader.take(Int(tag & 0x80 == 0 ? tag & 7 : try reader.number(2)))
    }
    _ = try reader.take(1)
    try check(reader.position == end, "resources end at \(reader.position), not \(end)")
  }

  private mutating func name() throws {
    if reader.peek() == 0x5c { _ = try reader.take(1) }
    let isName = try reader.take(4).allSatisfy {
      (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f
    }
    try check(isName, "a name that is none")
  }

  private mutating func packageEnd() throws -> Int {
    let start = reader.position
    let lead = Int(try reader.number(1))
    let following = lead >> 6
    guard following > 0 else { return start + lead }
    return start + (lead & 0xf | Int(try reader.number(following)) << 4)
  }
}

/// Follows a flattened device tree (Devicetree Specification 0.4, section 5).
struct FlattenedTreeCheck {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func run(expecting plan: BootPlan) throws {
    var header = ByteReader(bytes)
    try check(
      try header.bigEndian() == 0xd00d_feed && header.bigEndian() == bytes.count, "not a tree of this length")
    let structure = try header.bigEndian()
    let strings = try header.bigEndian()
    var reader = ByteReader(bytes)
    _ = try reader.take(structure)
    var depth = 0
    var names: [String] = []
    while case let token = try reader.bigEndian(), token != 9 {
      switch token {
      case 1:
        names.append(try reader.text())
        depth += 1
      case 2: depth -= 1
      case 3:
        let count = try reader.bigEndian()
        let name = try reader.bigEndian()
        try check(strings + name < bytes.count, "a property's name is outside")
        _ = try reader.take(count)
      default: throw Finding(description: "an unknown token \(token)")
      }
      try check(depth >= 0, "a node ends that did not begin")
      _ = try reader.take(-reader.position & 3)
    }
    try check(depth == 0, "a node does not end")
    let counts = ["cpu@", "virtio@", "serial@"].map { name in names.count { $0.hasPrefix(name) } }
    try check(
      counts == [plan.cpuCount, plan.virtio.count, plan.hasSerial ? 1 : 0], "nodes are missing: \(counts)")
  }
}
