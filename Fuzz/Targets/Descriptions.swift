import Configuration
import DeviceFakes

extension FuzzTarget {
  /// Any bytes as a description, and any description as bytes: there and back is the same.
  static func machineDescription(_ bytes: [UInt8]) throws {
    do throws(Diagnostic) {
      let encoded = try MachineDescription(decoding: bytes).encode()
      if encoded != bytes {
        throw Diagnostic(.poweredOff(workload: 0), "not the same bytes", which: "", mend: "")
      }
    } catch {
      try checkLine(error.description)
      try check([.monitorError, .usage].contains(error.status), error.what)
    }
    guard let description = try? randomDescription(bytes) else { return }
    let again: MachineDescription
    do throws(Diagnostic) { again = try MachineDescription(decoding: description.encode()) } catch {
      throw Finding(description: "\(description) is refused: \(error)")
    }
    try check(again == description, "\(description) came back as \(again)")
  }

  private static func randomDescription(_ bytes: [UInt8]) throws(Diagnostic) -> MachineDescription {
    typealias Description = MachineDescription
    var script = Script(bytes)
    func text(_ script: inout Script) -> String {
      String(decoding: script.bytes(script.number(below: 24)), as: UTF8.self)
    }
    func choice<Choice: CaseIterable>(_ script: inout Script) -> Choice where Choice.AllCases == [Choice] {
      Choice.allCases[script.number(below: Choice.allCases.count)]
    }
    let isInherited = script.byte() % 2 == 0
    let name = text(&script)
    let kernel: Description.Kernel =
      isInherited ? .descriptor(Int32(truncatingIfNeeded: script.value()), name: name) : .path(name)
    var disks: [Disk] = []
    for _ in 0..<script.number(below: 4) {
      let identifier = script.byte() % 2 == 0 ? text(&script) : nil
      let flags = script.byte()
      disks.append(
        try Disk(
          path: text(&script), readOnly: flags % 2 == 0, identifier: identifier, isDirect: flags & 2 != 0,
          engine: flags & 4 != 0 ? .ioUring : flags & 32 != 0 ? .sync : nil,
          rateLimit: RateLimit(
            bandwidth: flags & 8 != 0 ? randomBucket(&script) : nil,
            operations: flags & 16 != 0 ? randomBucket(&script) : nil)))
    }
    let balloon = try script.byte() % 2 == 0 ? randomBalloon(&script, text(&script)) : nil
    var ports: [NamedPort] = []
    for _ in 0..<script.number(below: 3) {
      ports.append(try NamedPort(name: "p\(script.byte() % 4)", path: text(&script)))
    }
    var shares: [Share] = []
    if script.byte() % 4 == 3 {
      for _ in 0..<script.number(below: 3) {
        shares.append(
          try Share(path: text(&script), tag: text(&script), readOnly: script.byte() % 2 == 0))
      }
    }
    return try Description(
      kernel: kernel, initialRamdisk: script.byte() % 2 == 0 ? text(&script) : nil,
      commandLine: text(&script),
      describe: choice(&script), memory: (UInt64(script.byte()) << 20) + script.value() % 2,
      cpus: Int(script.byte()),
      disks: disks, console: choice(&script), ports: ports, entropy: script.byte() % 2 == 0, shares: shares,
      balloon: balloon,
      reboot: choice(&script),
      timeLimit: script.byte() % 2 == 0 ? script.value() : nil, timeline: script.byte() % 2 == 0,
      verbose: script.byte() % 2 == 0, startedAt: script.value())
  }

  private static func randomBalloon(_ script: inout Script, _ control: String) throws(Diagnostic) -> Balloon {
    try Balloon(
      amount: UInt64(script.byte()) << 12, deflatesOnOOM: script.byte() % 2 == 0,
      reportsFreePages: script.byte() % 2 == 0, statisticsInterval: UInt32(script.byte()),
      control: control.isEmpty ? nil : control)
  }

  private static func randomBucket(_ script: inout Script) throws(Diagnostic) -> RateLimit.Bucket {
    try RateLimit.Bucket(
      size: script.value(), refillMilliseconds: UInt64(script.byte()), burst: script.value())
  }
}
