public import ArgumentParser
public import Configuration

extension MachineDescription.Console: ExpressibleByArgument {}
extension MachineDescription.HardwareDescription: ExpressibleByArgument {}
extension MachineDescription.Reboot: ExpressibleByArgument {}

/// The bytes that `text` stands for: digits, then nothing, K, M, G or T, or KiB to TiB; powers of 1024.
func byteCount(_ text: String) throws(Diagnostic) -> UInt64 {
  let digits = text.prefix { $0.isASCII && $0.isNumber }
  let shifts = ["": 0, "K": 10, "M": 20, "G": 30, "T": 40, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40]
  guard let number = UInt64(digits), let shift = shifts[String(text.dropFirst(digits.count))],
    number <= UInt64.max >> shift
  else { throw Diagnostic(.usage, "bad size", which: text, mend: "write it like 128M, 1G or 512MiB") }
  return number << shift
}

/// The nanoseconds that `text`, a decimal number of seconds, stands for.
func nanoseconds(_ text: String) throws(Diagnostic) -> UInt64 {
  guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2e }), let seconds = Double(text),
    let limit = UInt64(exactly: (seconds * 1_000_000_000).rounded())
  else { throw Diagnostic(.usage, "bad time limit", which: text, mend: "write seconds, like 10 or 0.5") }
  return limit
}

extension Disk {
  /// The disk that `FILE[,ro][,id=NAME]` stands for.
  init(option text: String) throws(Diagnostic) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    var readOnly = false
    var identifier: String?
    for part in parts.dropFirst() {
      if part == "ro" {
        readOnly = true
      } else if part.hasPrefix("id=") {
        identifier = String(part.dropFirst(3))
      } else {
        throw Diagnostic(
          .usage, "bad disk option '\(part)'", which: text,
          mend: "only ro and id=NAME may follow the file, and its path may hold no comma")
      }
    }
    try self.init(path: String(parts.first ?? ""), readOnly: readOnly, identifier: identifier)
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

extension Share {
  /// The directory that `DIRECTORY[,tag=NAME][,rw]`, the option's use number `index`, stands for.
  init(option text: String, index: Int) throws(Diagnostic) {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    var readOnly = true
    var tag = "share\(index)"
    for part in parts.dropFirst() {
      if part == "rw" {
        readOnly = false
      } else if part.hasPrefix("tag=") {
        tag = String(part.dropFirst(4))
      } else {
        throw Diagnostic(
          .usage, "bad share option '\(part)'", which: text,
          mend: "only tag=NAME and rw may follow the directory, and its path may hold no comma")
      }
    }
    try self.init(path: String(parts.first ?? ""), tag: tag, readOnly: readOnly)
  }
}
