// The form a description has between the two programs, little-endian throughout:
//
//   "SwMD"  version: UInt16  count: UInt32 (of all bytes)  then fields, each  tag: UInt8  count: UInt32  value
//
// Fields come in the order of `encode()`; only `disk`, `network`, `port` and `share` may repeat, and an optional part that is absent has no
// field. There is one version at a time: both programs are built and installed together, so a description of
// another version is an installation gone wrong and is refused.

private let magic: [UInt8] = [0x53, 0x77, 0x4d, 0x44]
private let version: UInt16 = 1
private let headerBytes = 10

private enum Tag: UInt8 {
  case kernelPath = 1
  case kernelDescriptor, initialRamdisk, commandLine, describe, memory, cpus, disk, console, entropy, reboot
  case timeLimit, timeline, verbose, vsock, startedAt, network, balloon, port, share, isolation, record, trace
}

extension MachineDescription {
  /// The description as bytes for `init(decoding:)`.
  public func encode() -> [UInt8] {
    var fields = FieldWriter()
    switch kernel {
    case .path(let path): fields.put(.kernelPath, path)
    case .descriptor(let number, let name):
      fields.put(.kernelDescriptor, littleEndian(UInt32(bitPattern: number)) + Array(name.utf8))
    }
    if let initialRamdisk { fields.put(.initialRamdisk, initialRamdisk) }
    fields.put(.commandLine, commandLine)
    fields.put(.describe, describe.rawValue)
    fields.put(.memory, littleEndian(memory))
    fields.put(.cpus, littleEndian(UInt32(cpus)))
    for disk in disks {
      let identifier = Array((disk.identifier ?? "").utf8)
      let flags: UInt8 =
        (disk.readOnly ? 1 : 0) | (disk.isDirect ? 2 : 0) | (disk.engine == .sync ? 4 : 0)
        | (disk.engine == .ioUring ? 8 : 0)
      fields.put(
        .disk,
        [flags] + encoded(disk.rateLimit) + [UInt8(identifier.count)] + identifier + Array(disk.path.utf8))
    }
    fields.put(.console, console.rawValue)
    fields.put(.entropy, [entropy ? 1 : 0] + encoded(entropyLimit))
    fields.put(.reboot, reboot.rawValue)
    if let timeLimit { fields.put(.timeLimit, littleEndian(timeLimit)) }
    fields.put(.timeline, [timeline ? 1 : 0])
    fields.put(.verbose, [verbose ? 1 : 0])
    if let vsock { fields.put(.vsock, littleEndian(vsock.guestCID) + Array(vsock.path.utf8)) }
    for network in networks { fields.put(.network, encoded(network)) }
    if let balloon {
      let flags: UInt8 = (balloon.deflatesOnOOM ? 1 : 0) | (balloon.reportsFreePages ? 2 : 0)
      fields.put(
        .balloon,
        littleEndian(balloon.amount) + [flags] + littleEndian(balloon.statisticsInterval)
          + Array((balloon.control ?? "").utf8))
    }
    for port in ports {
      fields.put(.port, [UInt8(port.name.utf8.count)] + Array(port.name.utf8) + Array(port.path.utf8))
    }
    for share in shares {
      let tag = Array(share.tag.utf8)
      fields.put(.share, [share.readOnly ? 1 : 0, UInt8(tag.count)] + tag + Array(share.path.utf8))
    }
    if isolation != .standard { fields.put(.isolation, encoded(isolation)) }
    if let record {
      fields.put(
        .record, littleEndian(UInt32(bitPattern: record.descriptor)) + littleEndian(record.describedAt))
    }
    if let trace { fields.put(.trace, littleEndian(UInt32(bitPattern: trace))) }
    // The last one is always there, so that nothing can be missing at the end.
    fields.put(.startedAt, littleEndian(startedAt))
    let count = UInt32(headerBytes + fields.bytes.count)
    return magic + littleEndian(version) + littleEndian(count) + fields.bytes
  }

  /// The description in `bytes`, with every count, number and enumeration checked and nothing left over.
  /// Throws a `Diagnostic`: status `monitorError` for bytes that are no description of this version,
  /// `usage` for one whose parts are out of their limits.
  public init(decoding bytes: [UInt8]) throws(Diagnostic) {
    var fields = try FieldReader(bytes)
    let kernel: Kernel
    if let path = try fields.takeIfPresent(.kernelPath) {
      kernel = .path(try path.text())
    } else {
      var value = try fields.take(.kernelDescriptor)
      let number: UInt32 = try value.integer()
      kernel = .descriptor(Int32(bitPattern: number), name: try value.text())
    }
    let initialRamdisk = try fields.takeIfPresent(.initialRamdisk)?.text()
    let commandLine = try fields.take(.commandLine).text()
    let describe: HardwareDescription = try fields.take(.describe).choice()
    let memory: UInt64 = try fields.take(.memory).wholeInteger()
    let cpus: UInt32 = try fields.take(.cpus).wholeInteger()
    var disks: [Disk] = []
    while let value = try fields.takeIfPresent(.disk) {
      guard disks.count < Limits.disks else { throw notADescription("too many disks") }
      disks.append(try value.disk())
    }
    let console: Console = try fields.take(.console).choice()
    let (entropy, entropyLimit) = try fields.take(.entropy).entropy()
    let reboot: Reboot = try fields.take(.reboot).choice()
    let timeLimit: UInt64? = try fields.takeIfPresent(.timeLimit)?.wholeInteger()
    let timeline = try fields.take(.timeline).flag()
    let verbose = try fields.take(.verbose).flag()
    let vsock = try fields.takeIfPresent(.vsock)?.vsock()
    var networks: [NetworkInterface] = []
    while let value = try fields.takeIfPresent(.network) {
      guard networks.count < Limits.devices else { throw notADescription("too many networks") }
      networks.append(try value.network())
    }
    let balloon = try fields.takeIfPresent(.balloon)?.balloon()
    var ports: [NamedPort] = []
    while let value = try fields.takeIfPresent(.port) {
      guard ports.count < Limits.ports else { throw notADescription("too many ports") }
      ports.append(try value.port())
    }
    var shares: [Share] = []
    while let value = try fields.takeIfPresent(.share) {
      guard shares.count < Limits.shares else { throw notADescription("too many shares") }
      shares.append(try value.share())
    }
    let isolation = try fields.takeIfPresent(.isolation)?.isolation() ?? .standard
    let record = try fields.takeIfPresent(.record)?.record()
    let trace: UInt32? = try fields.takeIfPresent(.trace)?.wholeInteger()
    let startedAt: UInt64 = try fields.take(.startedAt).wholeInteger()
    guard fields.isAtEnd else { throw notADescription("bytes after its end") }
    try self.init(
      kernel: kernel, initialRamdisk: initialRamdisk, commandLine: commandLine, describe: describe,
      memory: memory, cpus: Int(cpus), disks: disks, console: console, ports: ports, entropy: entropy,
      entropyLimit: entropyLimit,
      vsock: vsock, shares: shares, networks: networks, balloon: balloon, isolation: isolation,
      reboot: reboot, timeLimit: timeLimit, timeline: timeline, record: record,
      trace: trace.map(Int32.init(bitPattern:)), verbose: verbose, startedAt: startedAt)
  }
}

private func notADescription(_ why: String) -> Diagnostic {
  Diagnostic(
    .monitorError, "not a machine description", which: why,
    mend: "install swiftlet and swiftlet-vmm from the same build")
}

private func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  (0..<(T.bitWidth / 8)).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

/// A byte that says which buckets there are, then the three numbers of each.
private func encoded(_ limit: RateLimit?) -> [UInt8] {
  var bytes: [UInt8] = [(limit?.bandwidth == nil ? 0 : 1) | (limit?.operations == nil ? 0 : 2)]
  for bucket in [limit?.bandwidth, limit?.operations] {
    guard let bucket else { continue }
    bytes += littleEndian(bucket.size) + littleEndian(bucket.refillMilliseconds) + littleEndian(bucket.burst)
  }
  return bytes
}

/// An MTU of 0 is none; the name, which only a tap has, comes last.
private func encoded(_ network: NetworkInterface) -> [UInt8] {
  var name = ""
  if case .tap(_, let tap) = network.host { name = tap }
  return littleEndian(UInt32(bitPattern: network.host.descriptor)) + network.macAddress.bytes
    + littleEndian(network.mtu ?? 0) + encoded(network.receiveLimit) + encoded(network.transmitLimit)
    + Array(name.utf8)
}

/// A byte that says what there is, then the numbers of that; the control group's path comes last.
private func encoded(_ isolation: Isolation) -> [UInt8] {
  let group = isolation.controlGroup
  let numbers: [[UInt8]?] = [
    isolation.user.map(littleEndian), isolation.group.map(littleEndian), group?.memory.map(littleEndian),
    group?.processorThousandths.map(littleEndian), group?.tasks.map(littleEndian),
  ]
  var flags: UInt8 = (isolation.isOn ? 1 : 0) | (isolation.hasJail ? 2 : 0)
  for (index, number) in numbers.enumerated() where number != nil { flags |= 4 << UInt8(index) }
  return [flags] + numbers.compactMap { $0 }.joined() + Array((group?.path ?? "").utf8)
}

private struct FieldWriter {
  var bytes: [UInt8] = []

  mutating func put(_ tag: Tag, _ value: [UInt8]) {
    bytes.append(tag.rawValue)
    bytes += littleEndian(UInt32(value.count))
    bytes += value
  }

  mutating func put(_ tag: Tag, _ text: String) { put(tag, Array(text.utf8)) }
}

/// The fields in turn. Every read is checked against what is left.
private struct FieldReader {
  private var rest: FieldValue

  var isAtEnd: Bool { rest.bytes.isEmpty }

  init(_ bytes: [UInt8]) throws(Diagnostic) {
    guard bytes.count <= Limits.encodedBytes else { throw notADescription("\(bytes.count) bytes") }
    rest = FieldValue(bytes: bytes[...])
    guard Array(try rest.prefix(magic.count)) == magic else { throw notADescription("no magic number") }
    let found: UInt16 = try rest.integer()
    guard found == version else { throw notADescription("version \(found), not \(version)") }
    let count: UInt32 = try rest.integer()
    guard Int(count) == bytes.count else {
      throw notADescription("\(bytes.count) bytes where it says \(count)")
    }
  }

  mutating func takeIfPresent(_ tag: Tag) throws(Diagnostic) -> FieldValue? {
    guard rest.bytes.first == tag.rawValue else { return nil }
    _ = try rest.prefix(1)
    let count: UInt32 = try rest.integer()
    return FieldValue(bytes: try rest.prefix(Int(count)))
  }

  mutating func take(_ tag: Tag) throws(Diagnostic) -> FieldValue {
    guard let value = try takeIfPresent(tag) else { throw notADescription("no field \(tag)") }
    return value
  }
}

private struct FieldValue {
  var bytes: ArraySlice<UInt8>

  mutating func prefix(_ count: Int) throws(Diagnostic) -> ArraySlice<UInt8> {
    guard count <= bytes.count else { throw notADescription("cut short") }
    defer { bytes = bytes.dropFirst(count) }
    return bytes.prefix(count)
  }

  mutating func integer<T: FixedWidthInteger>() throws(Diagnostic) -> T {
    var value: T = 0
    for byte in try prefix(T.bitWidth / 8).reversed() { value = (value << 8) | T(byte) }
    return value
  }

  consuming func wholeInteger<T: FixedWidthInteger>() throws(Diagnostic) -> T {
    let value: T = try integer()
    guard bytes.isEmpty else { throw notADescription("a number of the wrong size") }
    return value
  }

  func choice<T: RawRepresentable>() throws(Diagnostic) -> T where T.RawValue == String {
    let raw = try text()
    guard let value = T(rawValue: raw) else { throw notADescription("\(raw) is no \(T.self)") }
    return value
  }

  consuming func flag() throws(Diagnostic) -> Bool {
    let raw: UInt8 = try wholeInteger()
    guard raw <= 1 else { throw notADescription("\(raw) is no flag") }
    return raw == 1
  }

  func text() throws(Diagnostic) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw notADescription("text that is not UTF-8")
    }
    return text
  }

  consuming func entropy() throws(Diagnostic) -> (Bool, RateLimit?) {
    let isThere = try FieldValue(bytes: try prefix(1)).flag()
    let limit = try rateLimit()
    guard bytes.isEmpty else { throw notADescription("bytes after the limit of random numbers") }
    return (isThere, limit)
  }

  consuming func record() throws(Diagnostic) -> MachineDescription.Record {
    let descriptor: UInt32 = try integer()
    return MachineDescription.Record(
      descriptor: Int32(bitPattern: descriptor), describedAt: try wholeInteger())
  }

  consuming func vsock() throws(Diagnostic) -> VirtioSocket {
    let guestCID: UInt32 = try integer()
    return try VirtioSocket(path: try text(), guestCID: guestCID)
  }

  consuming func network() throws(Diagnostic) -> NetworkInterface {
    let descriptor: UInt32 = try integer()
    let address = try MACAddress(Array(try prefix(6)))
    let mtu: UInt16 = try integer()
    let (receive, transmit) = (try rateLimit(), try rateLimit())
    let (number, name) = (Int32(bitPattern: descriptor), try text())
    return try NetworkInterface(
      host: name.isEmpty ? .program(number) : .tap(number, name: name), macAddress: address,
      mtu: mtu == 0 ? nil : mtu, receiveLimit: receive, transmitLimit: transmit)
  }

  consuming func isolation() throws(Diagnostic) -> Isolation {
    let flags: UInt8 = try integer()
    guard flags <= 127 else { throw notADescription("\(flags) are no flags of an isolation") }
    let user: UInt32? = try integer(if: flags & 4 != 0)
    let group: UInt32? = try integer(if: flags & 8 != 0)
    let memory: UInt64? = try integer(if: flags & 16 != 0)
    let thousandths: UInt32? = try integer(if: flags & 32 != 0)
    let tasks: UInt32? = try integer(if: flags & 64 != 0)
    let path = try text()
    guard !path.isEmpty || flags & 112 == 0 else { throw notADescription("limits without a cgroup") }
    let controlGroup =
      path.isEmpty
      ? nil
      : try ControlGroup(path: path, memory: memory, processorThousandths: thousandths, tasks: tasks)
    let isolation = try Isolation(
      isOn: flags & 1 != 0, hasJail: flags & 2 != 0, user: user, group: group, controlGroup: controlGroup)
    guard isolation != .standard else { throw notADescription("an isolation that is none") }
    return isolation
  }

  private mutating func integer<T: FixedWidthInteger>(if isThere: Bool) throws(Diagnostic) -> T? {
    isThere ? try integer() : nil
  }

  consuming func balloon() throws(Diagnostic) -> Balloon {
    let amount: UInt64 = try integer()
    let flags: UInt8 = try integer()
    guard flags <= 3 else { throw notADescription("\(flags) are no flags of a balloon") }
    let interval: UInt32 = try integer()
    let control = try text()
    return try Balloon(
      amount: amount, deflatesOnOOM: flags & 1 != 0, reportsFreePages: flags & 2 != 0,
      statisticsInterval: interval, control: control.isEmpty ? nil : control)
  }

  consuming func disk() throws(Diagnostic) -> Disk {
    let flags: UInt8 = try integer()
    guard flags <= 11 else { throw notADescription("\(flags) are no flags of a disk") }
    let limit = try rateLimit()
    let count: UInt8 = try integer()
    let identifier = FieldValue(bytes: try prefix(Int(count)))
    return try Disk(
      path: try text(), readOnly: flags & 1 != 0, identifier: count == 0 ? nil : try identifier.text(),
      isDirect: flags & 2 != 0, engine: flags & 8 != 0 ? .ioUring : flags & 4 != 0 ? .sync : nil,
      rateLimit: limit)
  }

  mutating func rateLimit() throws(Diagnostic) -> RateLimit? {
    let buckets: UInt8 = try integer()
    guard buckets <= 3 else { throw notADescription("\(buckets) are no buckets") }
    let bandwidth = buckets & 1 != 0 ? try bucket() : nil
    let operations = buckets & 2 != 0 ? try bucket() : nil
    return RateLimit(bandwidth: bandwidth, operations: operations)
  }

  private mutating func bucket() throws(Diagnostic) -> RateLimit.Bucket {
    let size: UInt64 = try integer()
    let time: UInt64 = try integer()
    return try RateLimit.Bucket(size: size, refillMilliseconds: time, burst: try integer())
  }

  consuming func port() throws(Diagnostic) -> NamedPort {
    let count: UInt8 = try integer()
    let name = FieldValue(bytes: try prefix(Int(count)))
    return try NamedPort(name: try name.text(), path: try text())
  }

  consuming func share() throws(Diagnostic) -> Share {
    let flag: UInt8 = try integer()
    guard flag <= 1 else { throw notADescription("\(flag) is no flag") }
    let count: UInt8 = try integer()
    let tag = FieldValue(bytes: try prefix(Int(count)))
    return try Share(path: try text(), tag: try tag.text(), readOnly: flag == 1)
  }
}
