import Foundation
import Testing

/// A kind of device that the guest `hostile` attacks.
enum HostileDevice: String, CaseIterable, CustomStringConvertible {
  case console, block, entropy, net, vsock, balloon, fs

  /// The number that virtio has for it.
  var type: Int {
    switch self {
    case .net: 1
    case .block: 2
    case .console: 3
    case .entropy: 4
    case .balloon: 5
    case .vsock: 19
    case .fs: 26
    }
  }

  var description: String { rawValue }

  /// Those to be had here: networks need passt, and a tap, in a network namespace.
  static let available = allCases.filter { $0 != .net || hasNetworks }

  /// The one that `make hostile` was asked for, or all.
  static let chosen: [HostileDevice] = {
    let name = ProcessInfo.processInfo.environment["SWIFTLET_HOSTILE_DEVICE"] ?? ""
    if name.isEmpty { return available }
    guard let device = HostileDevice(rawValue: name), available.contains(device) else {
      fatalError("no device \(name) to attack here; there are: \(available)")
    }
    return [device]
  }()

  /// Rules that a few thousand violations never miss.
  var certainRules: [String] {
    let ofAll = [
      "statusTransition", "frozenRegister", "queueSize", "queueMemory", "notifiedAbsentQueue",
      "availableIndex",
      "descriptorIndex", "chainLength", "chainOrder", "bufferMemory", "indirectTable", "requestLayout",
    ]
    switch self {
    case .net: return ofAll + ["frameHeader"]
    case .balloon: return ofAll + ["balloonPage"]
    case .console: return ofAll + ["controlMessage"]
    case .block, .entropy, .vsock, .fs: return ofAll
    }
  }
}

/// A machine with the devices of one kind, what they need of the host, and the guest `hostile` in it.
final class HostileMachine {
  /// MiB of the guest's own.
  static let memory = 96

  private let device: HostileDevice
  private let folder: URL
  private var echo: EchoServer?

  init(_ device: HostileDevice) throws {
    self.device = device
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "swiftlet-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(
      atPath: path("share") + "/folder", withIntermediateDirectories: true)
    for name in ["share/file", "outside"] {
      try Data(name.utf8).write(to: folder.appendingPathComponent(name))
    }
    try FileManager.default.createSymbolicLink(atPath: path("share/link"), withDestinationPath: "../outside")
    for name in ["a", "b"] { try Data(count: 1 << 17).write(to: folder.appendingPathComponent(name)) }
    if device == .vsock { echo = try EchoServer(path: path("socket_1024")) }
  }

  deinit {
    echo?.stop()
    try? FileManager.default.removeItem(at: folder)
  }

  private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  /// What messages call the devices that are attacked.
  var names: [String] {
    switch device {
    case .console, .entropy, .vsock, .balloon: ["\(device)"]
    case .block: ["disk \(path("a"))", "disk \(path("b"))", "disk \(path("b")) (2)"]
    case .net: ["network user", "network t0"]
    case .fs: ["share share0"]
    }
  }

  /// Those of all devices: each machine has a source of random numbers and a console.
  var allNames: Set<String> { Set(names + ["console", "entropy"]) }

  private var options: [String] {
    switch device {
    case .console: ["--port", "first=\(path("first"))", "--port", "second=\(path("second"))"]
    case .block: ["--disk", path("a"), "--disk", path("b") + ",ro", "--disk", path("b") + ",ro"]
    case .entropy: []
    case .net: ["--net", "user", "--net", "tap=t0"]
    case .vsock: ["--vsock", path("socket")]
    case .balloon: ["--balloon", "16M,reporting"]
    case .fs: ["--share", path("share") + ",rw"]
    }
  }

  func run(
    _ words: String, limit: Int, observe: @escaping (pid_t) -> Void = { _ in }
  ) throws -> Program.Result {
    var program = Program()
    if device == .net {
      // A host with a way out, to nowhere, which passt demands, and one that answers behind a tap.
      let host = """
        ip link set lo up; ip link add w0 type veth peer name w1; ip addr add 192.0.2.2/24 dev w0; \
        ip link set w0 up; ip link set w1 up; ip route add default via 192.0.2.1; \
        ip tuntap add t0 mode tap; ip addr add 10.0.2.2/24 dev t0; ip link set t0 up; exec "$@"
        """
      program.prefix = ["unshare", "-n", "sh", "-c", host, "sh"]
    }
    return try program.run(
      ["boot", "--kernel", BareGuest.path("hostile"), "--memory", "\(Self.memory)M", "--append", words]
        + options, limit: limit, observe: observe)
  }

  /// A guest that may write to a shared directory has written nowhere else.
  func expectNothingOutsideChanged() throws {
    #expect(try String(contentsOfFile: path("outside"), encoding: .utf8) == "outside")
    var expected: Set = ["a", "b", "outside", "share"]
    if device == .vsock { expected.insert("socket_1024") }
    #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder.path)) == expected)
  }
}
