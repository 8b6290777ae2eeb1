import AgentProtocol
import Configuration
import Glibc
import LinuxSystem

/// A directory of the host in a machine.
struct Volume: Equatable {
  let share: Share
  let mount: Setup.Mount

  /// The volume that `DIRECTORY:PATH[:ro|rw]`, the option's use number `index`, stands for.
  init(option text: String, index: Int) throws(Diagnostic) {
    var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    var isReadOnly = true
    if parts.count == 3, ["ro", "rw"].contains(parts[2]) { isReadOnly = parts.removeLast() == "ro" }
    guard parts.count == 2, !parts[0].isEmpty else {
      throw Diagnostic(
        .usage, "bad volume", which: text,
        mend: "write DIRECTORY:PATH, and :rw behind it where it is to be written; paths may hold no colon")
    }
    let target = try RunValue.mountPoint(parts[1], "volume")
    share = try Share(path: parts[0], tag: "volume\(index)", readOnly: isReadOnly)
    mount = Setup.Mount(isReadOnly ? .readOnlyShare : .share, source: share.tag, target: target)
  }
}

/// What values of options stand for.
enum RunValue {
  private static let environmentFileLimit = 1 << 20

  /// A path of the machine.
  static func path(_ text: String, _ what: String) throws(Diagnostic) -> String {
    guard text.hasPrefix("/"), !text.utf8.contains(0), !text.contains(":") else {
      throw Diagnostic(
        .usage, "bad path for the \(what)", which: text,
        mend: "in the machine it begins with /, and no option and no : follows it")
    }
    return text
  }

  /// A path of the machine where something is mounted: not on its root, which programs would not see.
  static func mountPoint(_ text: String, _ what: String) throws(Diagnostic) -> String {
    let path = try path(text, what)
    guard path.split(separator: "/").contains(where: { $0 != "." }) else {
      throw Diagnostic(
        .usage, "bad path for the \(what)", which: text, mend: "name a folder of the machine's, not its root")
    }
    return path
  }

  /// What a machine is called by, and its folder.
  static func machineName(_ text: String) throws(Diagnostic) -> String {
    let isName = text.utf8.enumerated().allSatisfy { index, byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
      case 0x2d, 0x2e, 0x5f: index > 0
      default: false
      }
    }
    guard isName, (1...40).contains(text.utf8.count) else {
      throw Diagnostic(
        .usage, "bad name for a machine", which: text,
        mend: "use 1 to 40 letters, digits, -, . and _, the first one a letter or digit")
    }
    return text
  }

  static func hostName(_ text: String) throws(Diagnostic) -> String {
    let isName = text.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e: true
      default: false
      }
    }
    guard isName, (1...64).contains(text.utf8.count) else {
      throw Diagnostic(.usage, "bad host name", which: text, mend: "use 1 to 64 letters, digits, - and .")
    }
    return text
  }

  /// `NAME=VALUE` as it is; for `NAME` what this process has, nil where it has none.
  static func environment(_ text: String) throws(Diagnostic) -> String? {
    let name = text.prefix { $0 != "=" }
    guard !name.isEmpty else {
      throw Diagnostic(.usage, "bad variable", which: text, mend: "write NAME=VALUE, or NAME")
    }
    if name.count < text.count { return text }
    return ArgumentText.variable(text).map { "\(text)=\($0)" }
  }

  /// The lines of a file, without empty ones and those that begin with `#`.
  static func environment(ofFile path: String) throws(Diagnostic) -> [String] {
    let file = try InputFile.open(path, "environment file", O_RDONLY)
    guard let bytes = try? file.contents(limit: environmentFileLimit),
      let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0)
    else {
      throw Diagnostic(.badInput, "bad environment file", which: path, mend: "write lines NAME=VALUE")
    }
    var result: [String] = []
    for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
      if let entry = try environment(String(line)) { result.append(entry) }
    }
    return result
  }

  /// By their numbers.
  private static let resources = [
    "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending",
    "msgqueue", "nice", "rtprio", "rttime",
  ]

  /// The limit that `NAME=SOFT[:HARD]` stands for; -1 is none.
  static func limit(_ text: String) throws(Diagnostic) -> StartRequest.Limit {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let values = parts.last.map { $0.split(separator: ":", omittingEmptySubsequences: false) } ?? []
    let numbers = values.compactMap { $0 == "-1" ? UInt64.max : UInt64($0) }
    guard parts.count == 2, let resource = resources.firstIndex(of: String(parts[0])),
      (1...2).contains(values.count),
      numbers.count == values.count, numbers[0] <= numbers[numbers.count - 1]
    else {
      throw Diagnostic(
        .usage, "bad limit", which: text, mend: "write NAME=SOFT[:HARD], as nofile=1024:4096; -1 is none")
    }
    return StartRequest.Limit(
      resource: UInt8(resource), soft: numbers[0], hard: numbers[numbers.count - 1])
  }

  /// What ``limit(_:)`` made a limit of.
  static func text(_ limit: StartRequest.Limit) -> String {
    func text(_ value: UInt64) -> String { value == .max ? "-1" : "\(value)" }
    return "\(resources[Int(limit.resource)])=\(text(limit.soft)):\(text(limit.hard))"
  }
}
