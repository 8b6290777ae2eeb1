/// The checks behind `MachineDescription`, each a line to the person when it fails.
enum Check {
  static func path(_ path: String, of what: String, mend: String = "name a file") throws(Diagnostic) {
    guard !path.isEmpty else {
      throw Diagnostic(.usage, "empty \(what) path", which: "", mend: mend)
    }
    guard !path.utf8.contains(0), path.utf8.count <= Limits.pathBytes else {
      throw Diagnostic(
        .usage, "bad \(what) path", which: String(path.prefix(64)),
        mend: "use at most \(Limits.pathBytes) bytes without a zero byte")
    }
  }

  static func commandLine(_ line: String) throws(Diagnostic) {
    let count = line.utf8.count
    guard count <= Limits.commandLineBytes else {
      throw Diagnostic(
        .usage, "kernel command line too long", which: "\(count) bytes",
        mend: "shorten it to at most \(Limits.commandLineBytes)")
    }
    guard line.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
      throw Diagnostic(
        .usage, "control character in the kernel command line", which: String(line.prefix(64)),
        mend: "use printable characters only")
    }
  }

  static func memory(_ bytes: UInt64) throws(Diagnostic) {
    let range = Limits.memory
    guard range.contains(bytes) else {
      throw Diagnostic(
        .usage, bytes < range.lowerBound ? "too little guest memory" : "too much guest memory",
        which: bytes == 1 ? "1 byte" : "\(bytes) bytes",
        mend: "use \(range.lowerBound >> 20)MiB to \(range.upperBound >> 30)GiB")
    }
    guard bytes.isMultiple(of: Limits.memoryGranule) else {
      throw Diagnostic(
        .usage, "uneven guest memory", which: "\(bytes) bytes", mend: "use a whole number of MiB")
    }
  }

  static func cpus(_ count: Int) throws(Diagnostic) {
    guard Limits.cpus.contains(count) else {
      throw Diagnostic(
        .usage, "bad number of CPUs", which: "\(count)",
        mend: "use \(Limits.cpus.lowerBound) to \(Limits.cpus.upperBound)")
    }
  }

  static func disks(_ disks: [Disk]) throws(Diagnostic) {
    guard disks.count <= Limits.disks else {
      throw Diagnostic(
        .usage, "too many disks", which: "\(disks.count)", mend: "use at most \(Limits.disks)")
    }
    var identifiers = Set<String>()
    for disk in disks {
      guard let identifier = disk.identifier else { continue }
      guard identifiers.insert(identifier).inserted else {
        throw Diagnostic(
          .usage, "two disks with one identifier", which: identifier, mend: "give each its own id")
      }
    }
  }

  static func networks(_ networks: [NetworkInterface]) throws(Diagnostic) {
    var addresses = Set<MACAddress>()
    for network in networks where !addresses.insert(network.macAddress).inserted {
      throw Diagnostic(
        .usage, "two network cards with one MAC address", which: "\(network.macAddress)",
        mend: "give each its own by mac=")
    }
  }

  static func ports(_ ports: [NamedPort], vsock: VirtioSocket?) throws(Diagnostic) {
    guard ports.count <= Limits.ports else {
      throw Diagnostic(
        .usage, "too many ports", which: "\(ports.count)", mend: "use at most \(Limits.ports)")
    }
    var names = Set<String>()
    var paths = Set(vsock.map { [$0.path] } ?? [])
    for port in ports {
      guard names.insert(port.name).inserted else {
        throw Diagnostic(.usage, "two ports with one name", which: port.name, mend: "give each its own")
      }
      guard paths.insert(port.path).inserted else {
        throw Diagnostic(.usage, "two sockets at one path", which: port.path, mend: "give each its own")
      }
    }
  }

  static func shares(_ shares: [Share]) throws(Diagnostic) {
    guard shares.count <= Limits.shares else {
      throw Diagnostic(
        .usage, "too many shares", which: "\(shares.count)", mend: "use at most \(Limits.shares)")
    }
    var tags = Set<String>()
    for share in shares where !tags.insert(share.tag).inserted {
      throw Diagnostic(
        .usage, "two shares with one tag", which: share.tag, mend: "give each its own with tag=NAME")
    }
  }

  static func devices(_ count: Int) throws(Diagnostic) {
    guard count <= Limits.devices else {
      throw Diagnostic(
        .usage, "too many devices", which: "\(count)", mend: "use at most \(Limits.devices), disks included")
    }
  }

  static func timeLimit(_ nanoseconds: UInt64) throws(Diagnostic) {
    guard Limits.timeLimit.contains(nanoseconds) else {
      throw Diagnostic(
        .usage, "bad time limit", which: "\(nanoseconds) ns", mend: "use 0.001 seconds to 365 days")
    }
  }
}
