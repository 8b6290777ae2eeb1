import Configuration
import Testing

struct MachineDescriptionTests {
  static func full() throws -> MachineDescription {
    try MachineDescription(
      kernel: .descriptor(7, name: "vmlinuz"), initialRamdisk: "/boot/initrd", commandLine: "console=hvc0 ü",
      describe: .acpi, memory: 5 << 30, cpus: 3,
      disks: [
        try Disk(path: "/d/root.img", readOnly: true, identifier: "root", isDirect: true),
        try Disk(path: "data"),
        try Disk(
          path: "slow", engine: .ioUring,
          rateLimit: RateLimit(
            bandwidth: .init(size: 9, refillMilliseconds: 8, burst: 7), operations: .init(perSecond: 500))),
      ],
      console: .serial,
      ports: [try NamedPort(name: "org.example.agent-0", path: "/p"), try NamedPort(name: "b", path: "q")],
      entropy: true,
      entropyLimit: RateLimit(
        bandwidth: try .init(size: 9, refillMilliseconds: 8, burst: 7), operations: nil),
      vsock: try VirtioSocket(path: "/v", guestCID: 77),
      shares: [try Share(path: "/srv", tag: "data"), try Share(path: "/w", tag: "w", readOnly: false)],
      networks: [
        try NetworkInterface(
          host: .tap(9, name: "tap0"), macAddress: try MACAddress("02:00:00:00:00:01"), mtu: 1400,
          receiveLimit: RateLimit(
            bandwidth: try .init(size: 1000, refillMilliseconds: 100, burst: 5),
            operations: try .init(size: 7, refillMilliseconds: 8)),
          transmitLimit: RateLimit(bandwidth: nil, operations: try .init(size: 9, refillMilliseconds: 10))),
        try NetworkInterface(host: .program(10), macAddress: MACAddress(derivedFrom: "b")),
      ],
      balloon: try Balloon(
        amount: 3 << 20, deflatesOnOOM: true, reportsFreePages: true, statisticsInterval: 258, control: "/f"),
      isolation: Isolation(
        hasJail: true, user: 65534, group: 0,
        controlGroup: ControlGroup(path: "a/b", memory: 1 << 30, processorThousandths: 1500, tasks: 40)),
      reboot: .restart,
      timeLimit: 2_500_000_000, timeline: true,
      record: MachineDescription.Record(descriptor: 11, describedAt: 0x0fed_cba9_8765_4321),
      verbose: true, startedAt: 0x0123_4567_89ab_cdef)
  }

  @Test func comesBackAsItWas() throws {
    let full = try Self.full()
    #expect(try MachineDescription(decoding: full.encode()) == full)
    let small = try MachineDescription(kernel: .path("vmlinux"))
    #expect(try MachineDescription(decoding: small.encode()) == small)
    let traced = try MachineDescription(kernel: .path("vmlinux"), trace: 7)
    #expect(try MachineDescription(decoding: traced.encode()) == traced)
    #expect(traced.inheritedDescriptors == [7])
    #expect(traced != small)
    #expect(small != full)
  }

  @Test func smallDescriptionHasTheseBytes() throws {
    let bytes = try MachineDescription(kernel: .path("k"), commandLine: "a b", memory: 16 << 20).encode()
    let expected: [UInt8] = [
      0x53, 0x77, 0x4d, 0x44, 1, 0, 107, 0, 0, 0,
      1, 1, 0, 0, 0, 0x6b,
      4, 3, 0, 0, 0, 0x61, 0x20, 0x62,
      5, 4, 0, 0, 0, 0x61, 0x75, 0x74, 0x6f,
      6, 8, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
      7, 4, 0, 0, 0, 1, 0, 0, 0,
      9, 6, 0, 0, 0, 0x76, 0x69, 0x72, 0x74, 0x69, 0x6f,
      10, 2, 0, 0, 0, 1, 0,
      11, 4, 0, 0, 0, 0x65, 0x78, 0x69, 0x74,
      13, 1, 0, 0, 0, 0,
      14, 1, 0, 0, 0, 0,
      16, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]
    #expect(bytes == expected)
  }

  @Test func everyTruncationIsRefused() throws {
    let bytes = try Self.full().encode()
    for count in 0..<bytes.count {
      #expect(throws: Diagnostic.self) { try MachineDescription(decoding: Array(bytes.prefix(count))) }
      var adjusted = Array(bytes.prefix(count))
      if count >= 10 {
        adjusted[6] = UInt8(count & 0xff)
        adjusted[7] = UInt8(count >> 8)
        #expect(throws: Diagnostic.self) { try MachineDescription(decoding: adjusted) }
      }
    }
  }

  @Test func everyChangedByteIsRefusedOrMeansSomethingElse() throws {
    let full = try Self.full()
    let bytes = full.encode()
    for index in bytes.indices {
      for change: UInt8 in [0x01, 0x80, 0xff] {
        var changed = bytes
        changed[index] ^= change
        if let decoded = try? MachineDescription(decoding: changed) {
          #expect(decoded != full)
          #expect(decoded.encode() == changed)
        }
      }
    }
  }

  @Test func trailingBytesAreRefused() throws {
    var bytes = try Self.full().encode()
    bytes.append(0)
    #expect(throws: Diagnostic.self) { try MachineDescription(decoding: bytes) }
    bytes[6] &+= 1
    #expect(throws: Diagnostic.self) { try MachineDescription(decoding: bytes) }
  }

  @Test func networksAreChecked() throws {
    let address = try MACAddress("02:00:00:00:00:01")
    #expect(address.bytes == [2, 0, 0, 0, 0, 1])
    #expect(try MACAddress("FE:dc:BA:98:76:54").description == "fe:dc:ba:98:76:54")
    for text in [
      "", "02:00:00:00:00", "02:00:00:00:00:01:02", "2:0:0:0:0:1", "02-00-00-00-00-01", "02:00:00:00:00:0g",
      "+2:00:00:00:00:01", "01:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00",
    ] { #expect(throws: Diagnostic.self, "\(text)") { try MACAddress(text) } }
    for name in ["", ".", "..", "a b", "a/b", "a:b", "a%d", "ü", String(repeating: "a", count: 16)] {
      #expect(throws: Diagnostic.self, "\(name)") {
        try NetworkInterface(host: .tap(5, name: name), macAddress: address)
      }
    }
    _ = try NetworkInterface(host: .tap(5, name: String(repeating: "a", count: 15)), macAddress: address)
    for mtu: UInt16 in [68, 65535] {
      _ = try NetworkInterface(host: .program(5), macAddress: address, mtu: mtu)
    }
    #expect(throws: Diagnostic.self) {
      try NetworkInterface(host: .program(5), macAddress: address, mtu: 67)
    }
    #expect(throws: Diagnostic.self) { try NetworkInterface(host: .program(-1), macAddress: address) }
    let network = try NetworkInterface(host: .program(5), macAddress: address)
    #expect(throws: Diagnostic.self) {
      try MachineDescription(kernel: .path("k"), networks: [network, network])
    }
  }

  @Test func isolationIsChecked() throws {
    #expect(throws: Diagnostic.self) { try Isolation(isOn: false, hasJail: true) }
    #expect(throws: Diagnostic.self) { try Isolation(isOn: false, user: 1, group: 1) }
    #expect(throws: Diagnostic.self) { try Isolation(user: 1) }
    #expect(throws: Diagnostic.self) { try Isolation(group: .max) }
    for path in ["", "/a", "a/", "a//b", "..", "a/../b", "."] {
      #expect(throws: Diagnostic.self, "\(path)") { try ControlGroup(path: path) }
    }
    #expect(throws: Diagnostic.self) { try ControlGroup(path: "a", memory: 4096) }
    #expect(throws: Diagnostic.self) { try ControlGroup(path: "a", processorThousandths: 9) }
    #expect(throws: Diagnostic.self) { try ControlGroup(path: "a", tasks: 0) }
    for isolation in [
      try Isolation(isOn: false), try Isolation(hasJail: true), try Isolation(user: 0, group: 0),
      try Isolation(controlGroup: ControlGroup(path: "x")),
    ] {
      let description = try MachineDescription(kernel: .path("k"), isolation: isolation)
      #expect(try MachineDescription(decoding: description.encode()) == description)
    }
  }

  @Test func aDerivedAddressIsStableAndLocal() {
    #expect(MACAddress(derivedFrom: "a") == MACAddress(derivedFrom: "a"))
    let all = (0..<500).map { MACAddress(derivedFrom: "machine \($0)") }
    #expect(Set(all).count == 500)
    #expect(all.allSatisfy { $0.bytes[0] & 3 == 2 })
  }

  @Test func limitsHoldAtTheirEdges() throws {
    func describe(
      memory: UInt64 = 128 << 20, cpus: Int = 1, disks: [Disk] = [], balloon: UInt64? = nil,
      limit: UInt64? = nil
    ) throws {
      _ = try MachineDescription(
        kernel: .path("k"), memory: memory, cpus: cpus, disks: disks,
        balloon: balloon.map { amount throws(Diagnostic) in try Balloon(amount: amount) }, timeLimit: limit)
    }
    try describe(balloon: (128 << 20) - 4096)
    for amount in [128 << 20, 4095, .max] as [UInt64] {
      #expect(throws: Diagnostic.self) { try describe(balloon: amount) }
    }
    try describe(memory: Limits.memory.lowerBound)
    try describe(memory: Limits.memory.upperBound)
    for memory in [0, Limits.memory.lowerBound - 1, Limits.memory.upperBound + 1, (128 << 20) + 4096, .max] {
      #expect(throws: Diagnostic.self) { try describe(memory: memory) }
    }
    try describe(cpus: 254)
    for cpus in [-1, 0, 255] { #expect(throws: Diagnostic.self) { try describe(cpus: cpus) } }
    let disk = try Disk(path: "d")
    try describe(disks: Array(repeating: disk, count: Limits.disks))
    #expect(throws: Diagnostic.self) { try describe(disks: Array(repeating: disk, count: Limits.disks + 1)) }
    let named = try Disk(path: "d", identifier: "same")
    #expect(throws: Diagnostic.self) { try describe(disks: [named, named]) }
    for limit in [0, 999_999, UInt64.max] { #expect(throws: Diagnostic.self) { try describe(limit: limit) } }
    #expect(throws: Diagnostic.self) { try Disk(path: "") }
    #expect(throws: Diagnostic.self) { try Disk(path: "a\0b") }
    #expect(throws: Diagnostic.self) { try Disk(path: "d", identifier: "") }
    #expect(throws: Diagnostic.self) { try Disk(path: "d", identifier: "123456789012345678901") }
    #expect(throws: Diagnostic.self) { try Disk(path: "d", identifier: "a b") }
    #expect(throws: Diagnostic.self) {
      try MachineDescription(kernel: .path("k"), commandLine: "a\nb")
    }
    #expect(throws: Diagnostic.self) {
      try MachineDescription(kernel: .path("k"), commandLine: String(repeating: "a", count: 4097))
    }
  }
}

struct NamedPortTests {
  @Test func namesAreWhatGuestsCanUseInPaths() throws {
    for name in ["a", "0", "org.qemu.guest_agent.0", "A-b_C", String(repeating: "n", count: 64)] {
      #expect(try NamedPort(name: name, path: "p").name == name)
    }
    for name in [
      "", ".", "..", ".a", "-a", "_a", "a/b", "a b", "a=b", "ü", "a\n", String(repeating: "n", count: 65),
    ] {
      #expect(throws: Diagnostic.self) { try NamedPort(name: name, path: "p") }
    }
  }

  @Test func pathsAreThoseOfSockets() throws {
    #expect(try NamedPort(name: "a", path: String(repeating: "p", count: 107)).path.count == 107)
    for path in ["", "a\0b", String(repeating: "p", count: 108)] {
      #expect(throws: Diagnostic.self) { try NamedPort(name: "a", path: path) }
    }
  }

  @Test func aMachineHasEachNameAndPathOnce() throws {
    func describe(
      _ ports: [NamedPort], vsock: VirtioSocket? = nil, disks: Int = 0,
      console: MachineDescription.Console = .none
    ) throws {
      _ = try MachineDescription(
        kernel: .path("k"), disks: Array(repeating: Disk(path: "d"), count: disks), console: console,
        ports: ports, vsock: vsock)
    }
    let many = try (0..<31).map { try NamedPort(name: "n\($0)", path: "p\($0)") }
    try describe(Array(many.prefix(30)))
    #expect(throws: Diagnostic.self) { try describe(many) }
    #expect(throws: Diagnostic.self) {
      try describe([NamedPort(name: "a", path: "p"), NamedPort(name: "a", path: "q")])
    }
    #expect(throws: Diagnostic.self) {
      try describe([NamedPort(name: "a", path: "p"), NamedPort(name: "b", path: "p")])
    }
    let vsock = try VirtioSocket(path: "v")
    #expect(throws: Diagnostic.self) { try describe([NamedPort(name: "a", path: "v")], vsock: vsock) }
    // With or without a console in it, the ports' device is one.
    try describe([many[0]], disks: 15, console: .virtio)
    try describe([many[0]], disks: 15)
    #expect(throws: Diagnostic.self) { try describe([many[0]], vsock: vsock, disks: 15) }
    try describe([], vsock: vsock, disks: 15)
  }
}

struct ExitStatusTests {
  @Test func numbersAreDistinctAndLeaveTheUsualOnesToWorkloads() {
    let codes = ExitStatus.ours.map(\.code)
    #expect(Set(codes).count == codes.count)
    #expect(codes == codes.sorted())
    #expect(codes.allSatisfy { (64..<126).contains($0) })
    #expect(ExitStatus.poweredOff(workload: 42).code == 42)
    #expect(ExitStatus.signal(15).code == 143)
    #expect(Set(ExitStatus.ours.map(\.meaning)).count == codes.count)
  }

  @Test func diagnosticIsOneLine() {
    let diagnostic = Diagnostic(.usage, "bad", which: "a\n\u{1b}[31mb", mend: "do")
    #expect(diagnostic.description == "bad: a\\u{a}\\u{1b}[31mb: do")
  }
}
