import Backends
import Boot
import Configuration
import DeviceFakes
import LinuxSystem

@testable import swiftlet

extension FuzzTarget {
  /// A configuration file: a request within limits, or a refusal of one line.
  static func configFile(_ bytes: [UInt8]) throws {
    var file = ConfigFile(bytes, path: "config.json")
    let request: BootRequest
    do throws(Diagnostic) { request = try file.request() } catch {
      try check([.badInput, .usage].contains(error.status), "refused with status \(error.status)")
      return try checkLine(error.description)
    }
    try check(request.kernel != nil, "a request without a kernel")
    try check(request.memory.isMultiple(of: 1 << 20), "\(request.memory) bytes are not whole mebibytes")
    let roots = (request.commandLine ?? "").split(separator: " ").filter { $0.hasPrefix("root=/dev/vda") }
    try check(roots.isEmpty || !bytes.isEmpty, "a root from nowhere")
    var again = ConfigFile(bytes, path: "config.json")
    try check(try again.request() == request, "read twice, not the same")
  }

  /// Values of options: the first byte says of which.
  static func options(_ bytes: [UInt8]) throws {
    guard let kind = bytes.first, let text = String(validating: bytes.dropFirst(), as: UTF8.self) else {
      return
    }
    do {
      switch kind % 8 {
      case 0: try checkByteCount(text)
      case 1: try checkNanoseconds(text)
      case 3: try checkShare(text)
      case 5: try checkPort(text)
      case 6: try checkNetwork(text)
      case 7: try checkPublishedPort(text)
      default: try checkDisk(text)
      }
    } catch let error as Diagnostic {
      try check(error.status == .usage, "refused with status \(error.status)")
      try checkLine(error.description)
    }
  }

  private static func checkNetwork(_ text: String) throws {
    let network = try NetworkRequest(option: text)
    let kind = network.isUser ? "user" : "tap="
    try check(text.hasPrefix(kind), "\(text) became \(network)")
    if let mtu = network.mtu { try check((68...65535).contains(mtu), "an MTU of \(mtu)") }
    if let address = network.macAddress { try check(address.bytes[0] & 1 == 0, "\(address) is of a group") }
  }

  private static func checkPublishedPort(_ text: String) throws {
    let port = try PublishedPort(option: text)
    try check(try PublishedPort(option: "\(port)") == port, "\(text) became \(port)")
    try check(port.hostPort > 0 && port.guestPort > 0, "a port of 0")
  }

  private static func checkByteCount(_ text: String) throws {
    let count = try byteCount(text)
    let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
    let units: [String: UInt64] = [
      "": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "KiB": 1 << 10, "MiB": 1 << 20,
      "GiB": 1 << 30, "TiB": 1 << 40,
    ]
    let number = digits.reduce(0 as UInt64) { $0 &* 10 &+ UInt64($1 - 0x30) }
    let unit = units[String(text.dropFirst(digits.count))]
    try check(
      unit.map { number.multipliedReportingOverflow(by: $0) == (count, false) } ?? false,
      "\(text) is not \(count)")
  }

  private static func checkNanoseconds(_ text: String) throws {
    let limit = try nanoseconds(text)
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    try check((1...2).contains(parts.count), "\(text) is a number")
    // Whole seconds are exact as far as a Double counts them.
    if parts.count == 1, let seconds = UInt64(text), seconds < 9_000_000 {
      try check(limit == seconds * 1_000_000_000, "\(text) seconds are not \(limit) ns")
    }
  }

  private static func checkDisk(_ text: String) throws {
    let disk = try Disk(option: text)
    let words = text.split(separator: ",", omittingEmptySubsequences: false)
    try check(words.first.map(String.init) == disk.path, "\(text) is not at \(disk.path)")
    try check(words.dropFirst().contains("ro") == disk.readOnly, "\(text) is not read-only: \(disk.readOnly)")
    try check((disk.identifier ?? "").utf8.count <= Limits.diskIdentifierBytes, "an identifier too long")
  }

  private static func checkPort(_ text: String) throws {
    let port = try NamedPort(option: text)
    try check("\(port.name)=\(port.path)" == text, "\(text) is not \(port)")
    try check(port.name.utf8.allSatisfy { $0 != 0x2f && $0 > 0x20 && $0 < 0x7f }, "a name for no path")
    try check((1...Limits.unixPathBytes).contains(port.path.utf8.count), "a path for no socket")
  }

  private static func checkShare(_ text: String) throws {
    let share = try Share(option: text, index: 4)
    let words = text.split(separator: ",", omittingEmptySubsequences: false)
    try check(words.first.map(String.init) == share.path, "\(text) is not at \(share.path)")
    try check(words.dropFirst().contains("rw") != share.readOnly, "\(text) is read-only: \(share.readOnly)")
    try check((1...Limits.shareTagBytes).contains(share.tag.utf8.count), "a tag of another length")
  }

  /// A kernel's command line: what is added stands before the arguments of the first process.
  static func commandLine(_ bytes: [UInt8]) throws {
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    var line = KernelCommandLine(text)
    let (words, arguments) = split(Array(text.utf8))
    let separator: [UInt8] = words.isEmpty || arguments.isEmpty ? [] : [0x20]
    try check(Array(line.text.utf8) == words + separator + arguments, "\(text) became \(line.text)")
    line.append("added")
    let before = words.isEmpty ? [] : words + [0x20]
    let after = arguments.isEmpty ? [] : [0x20] + arguments
    try check(
      Array(line.text.utf8) == before + Array("added".utf8) + after, "the added word is lost in \(line.text)")
  }

  /// As the kernel does, byte for byte: words end at spaces outside quotes, and the first that is `--` ends its own.
  private static func split(_ line: [UInt8]) -> (words: [UInt8], arguments: [UInt8]) {
    var start = 0
    var end = line.count
    var inQuotes = false
    for place in 0...line.count {
      if place < line.count, line[place] == 0x22 { inQuotes.toggle() }
      guard place == line.count || line[place] == 0x20 && !inQuotes else { continue }
      if Array(line[start..<place]) == [0x2d, 0x2d] {
        end = start
        break
      }
      start = place + 1
    }
    var words = Array(line[..<end])
    // A quote that is open to the end keeps its spaces.
    while !inQuotes, words.last == 0x20 { words.removeLast() }
    return (words, Array(line[end...]))
  }

  /// Input of a terminal, in any pieces.
  static func consoleEscape(_ bytes: [UInt8]) throws {
    var whole = ConsoleEscape()
    let (forGuest, leave) = whole.filter(bytes)
    var pieces = ConsoleEscape()
    var collected: [UInt8] = []
    var left = false
    for byte in bytes where !left {
      let result = pieces.filter([byte])
      collected += result.forGuest
      left = result.leave
    }
    try check(collected == forGuest && left == leave, "pieces give something else than the whole")
    try check(forGuest.count <= bytes.count, "more than was typed")
    // Ctrl-A typed twice is one, and before a key without a meaning it goes with it.
    let doubled = bytes.flatMap { $0 == 0x01 ? [0x01, 0x01] : [$0] }
    var typing = ConsoleEscape()
    try check(typing.filter(doubled) == (bytes, false), "a Ctrl-A typed twice is not one")
    let plain: [UInt8] = bytes.filter { !Array("\u{1}ax".utf8).contains($0) }.flatMap { [0x01, $0] }
    try check(typing.filter(plain) == (plain, false), "a Ctrl-A before another key is lost")
  }
}
