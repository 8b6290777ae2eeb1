public import ArgumentParser
public import Configuration

extension MachineDescription.Console: ExpressibleByArgument {}
extension MachineDescription.HardwareDescription: ExpressibleByArgument {}
extension MachineDescription.Reboot: ExpressibleByArgument {}

/// The nanoseconds that `text`, a decimal number of seconds, stands for.
func nanoseconds(_ text: String) throws(Diagnostic) -> UInt64 {
  guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2e }), let seconds = Double(text),
    let limit = UInt64(exactly: (seconds * 1_000_000_000).rounded())
  else { throw Diagnostic(.usage, "bad time limit", which: text, mend: "write seconds, like 10 or 0.5") }
  guard Limits.timeLimit.contains(limit) else {
    throw Diagnostic(
      .usage, "bad time limit", which: "\(text) seconds", mend: "use 0.001 seconds to 365 days")
  }
  return limit
}

extension Disk {
  /// The disk that `FILE[,ro][,id=NAME][,direct][,engine=ENGINE][,bandwidth=SIZE][,iops=N]` stands for.
  init(option text: String) throws(Diagnostic) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    var (readOnly, isDirect) = (false, false)
    var given = Set<Substring>()
    var identifier: String?
    var engine: Engine?
    var bandwidth: RateLimit.Bucket?
    var operations: RateLimit.Bucket?
    for part in parts.dropFirst() {
      let (name, value) = (part.prefix { $0 != "=" }, part.drop { $0 != "=" }.dropFirst())
      guard given.insert(name).inserted else {
        throw Diagnostic(.usage, "disk option '\(name)' given twice", which: text, mend: "give it once")
      }
      switch (name, part.contains("=")) {
      case ("ro", false): readOnly = true
      case ("direct", false): isDirect = true
      case ("id", true): identifier = String(value)
      case ("engine", true):
        guard let found = Engine(rawValue: String(value)) else {
          throw Diagnostic(.usage, "bad disk engine '\(value)'", which: text, mend: "use sync or io_uring")
        }
        engine = found
      case ("bandwidth", true): bandwidth = try .init(perSecond: byteCount(String(value)))
      case ("iops", true):
        guard let number = UInt64(value) else {
          throw Diagnostic(.usage, "bad iops '\(value)'", which: text, mend: "give operations a second")
        }
        operations = try .init(perSecond: number)
      default:
        throw Diagnostic(
          .usage, "bad disk option '\(part)'", which: text,
          mend:
            "only ro, id=NAME, direct, engine=ENGINE, bandwidth=SIZE and iops=N may follow the file, and its "
            + "path may hold no comma")
      }
    }
    try self.init(
      path: String(parts.first ?? ""), readOnly: readOnly, identifier: identifier, isDirect: isDirect,
      engine: engine, rateLimit: RateLimit(bandwidth: bandwidth, operations: operations))
  }
}

extension VirtioSocket {
  /// The sockets that `PATH[,cid=N]` stands for.
  init(option text: String) throws(Diagnostic) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    var guestCID: UInt32 = 3
    for part in parts.dropFirst() {
      guard part.hasPrefix("cid="), let number = UInt32(part.dropFirst(4)) else {
        throw Diagnostic(
          .usage, "bad vsock option '\(part)'", which: text,
          mend: "only cid=N may follow the path, which may hold no comma")
      }
      guestCID = number
    }
    try self.init(path: String(parts.first ?? ""), guestCID: guestCID)
  }
}

extension Balloon {
  /// The balloon that `SIZE[,deflate-on-oom][,reporting][,stats=SECONDS][,control=FIFO]` stands for.
  init(option text: String) throws(Diagnostic) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    var (deflatesOnOOM, reportsFreePages) = (false, false)
    var interval: UInt32 = 0
    var control: String?
    for part in parts.dropFirst() {
      if part == "deflate-on-oom" {
        deflatesOnOOM = true
      } else if part == "reporting" {
        reportsFreePages = true
      } else if part.hasPrefix("stats="), let seconds = UInt32(part.dropFirst(6)), seconds > 0 {
        interval = seconds
      } else if part.hasPrefix("control=") {
        control = String(part.dropFirst(8))
      } else {
        throw Diagnostic(
          .usage, "bad balloon option '\(part)'", which: text,
          mend: "only deflate-on-oom, reporting, stats=SECONDS (from 1) and control=FIFO may follow the size")
      }
    }
    try self.init(
      amount: byteCount(String(parts.first ?? "")), deflatesOnOOM: deflatesOnOOM,
      reportsFreePages: reportsFreePages, statisticsInterval: interval, control: control)
  }
}

extension NamedPort {
  /// The port that `NAME=PATH` stands for.
  init(option text: String) throws(Diagnostic) {
    guard let sign = text.firstIndex(of: "=") else {
      throw Diagnostic(
        .usage, "bad port", which: text, mend: "write NAME=PATH, the path of the socket to make")
    }
    try self.init(name: String(text[..<sign]), path: String(text[text.index(after: sign)...]))
  }
}

extension Share {
  /// The directory that `DIRECTORY[,tag=NAME][,ro|rw]`, the option's use number `index`, stands for.
  init(option text: String, index: Int) throws(Diagnostic) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    var access: Substring?
    var tag = "share\(index)"
    for part in parts.dropFirst() {
      if access == nil, part == "ro" || part == "rw" {
        access = part
      } else if part.hasPrefix("tag=") {
        tag = String(part.dropFirst(4))
      } else {
        throw Diagnostic(
          .usage, "bad share option '\(part)'", which: text,
          mend: "only tag=NAME and ro or rw may follow the directory, and its path may hold no comma")
      }
    }
    try self.init(path: String(parts.first ?? ""), tag: tag, readOnly: access != "rw")
  }
}

extension ControlGroup {
  /// The group that `PATH[,memory=SIZE][,cpus=N][,pids=N]` stands for.
  init(option text: String) throws(Diagnostic) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    var memory: UInt64?
    var (thousandths, tasks): (UInt32?, UInt32?)
    var given = Set<Substring>()
    for part in parts.dropFirst() {
      let (name, value) = (part.prefix { $0 != "=" }, String(part.drop { $0 != "=" }.dropFirst()))
      guard given.insert(name).inserted else {
        throw Diagnostic(.usage, "cgroup option '\(name)' given twice", which: text, mend: "give it once")
      }
      switch name {
      case "memory": memory = try byteCount(value)
      case "cpus":
        guard let number = Double(value), let count = UInt32(exactly: (number * 1000).rounded()) else {
          throw Diagnostic(.usage, "bad cpus '\(value)'", which: text, mend: "write a number, like 2 or 0.5")
        }
        thousandths = count
      case "pids":
        guard let number = UInt32(value) else {
          throw Diagnostic(.usage, "bad pids '\(value)'", which: text, mend: "write a number")
        }
        tasks = number
      default:
        throw Diagnostic(
          .usage, "bad cgroup option '\(part)'", which: text,
          mend: "only memory=SIZE, cpus=N and pids=N may follow the path, which may hold no comma")
      }
    }
    try self.init(
      path: String(parts.first ?? ""), memory: memory, processorThousandths: thousandths, tasks: tasks)
  }
}
