import Configuration
import Glibc
import LinuxSystem

/// passt, started for one machine: it makes the guest's connections as the host's own, without rights.
///
/// It ends when the machine's end of the socket is closed, however that comes about.
struct UserNetwork: ~Copyable {
  /// The guest's address, whatever the host's own is, and that of its gateway: those that QEMU's user network has.
  private static let address = ["--address", "10.0.2.15", "--netmask", "24", "--gateway", gateway]
  /// Questions for names that go there are taken on to the host's own resolver: where that is at a loopback address,
  /// passt tells the guest of none, and Linux takes the one that answered its DHCP request, which is this.
  private static let gateway = "10.0.2.2"
  static let program = "passt"
  /// Where it is missing.
  static let mend = "install it (Debian: apt-get install passt), or use --net tap=NAME"
  /// Milliseconds it may take to start.
  private static let patience: Int32 = 10_000

  private let socket: FileDescriptor
  private let child: ChildProcess

  /// Starts it, without waiting.
  init(_ request: NetworkRequest, publishing ports: [PublishedPort]) throws(Diagnostic) {
    guard let path = Installation.program(UserNetwork.program) else {
      throw Diagnostic(
        .noInput, "cannot find passt, which --net user needs", which: "",
        mend: UserNetwork.mend)
    }
    do throws(SystemError) {
      let ends = try UnixSocket.pair()
      let ours = FileDescriptor(owning: ends.0)
      let theirs = FileDescriptor(owning: ends.1)
      child = try ChildProcess(
        path, arguments: UserNetwork.arguments(request, ports), lending: theirs)
      socket = ours
    } catch {
      throw Diagnostic(.hostResource, "cannot start passt", which: path, mend: "\(error)")
    }
  }

  /// Waits until it is ready.
  /// - Returns: the machine's end of its socket, for the monitor to inherit.
  consuming func ready() throws(Diagnostic) -> Int32 {
    let (isReady, errors) = child.finish(within: UserNetwork.patience)
    guard isReady else {
      throw UserNetwork.refusal(UserNetwork.reason(errors))
    }
    do throws(SystemError) { return try socket.bequeath() } catch {
      throw Diagnostic(.hostResource, "cannot hand over passt's socket", which: "", mend: "\(error)")
    }
  }

  /// By default nothing of the host is reached at the gateway's address.
  static func arguments(_ request: NetworkRequest, _ ports: [PublishedPort]) -> [String] {
    var words = ["--quiet", "--fd", "\(ChildProcess.lentDescriptor)", "--ipv4-only"] + address
    words += ["--dns-forward", gateway]
    if request.host != .user(hasLoopback: true) { words.append("--no-map-gw") }
    if let mtu = request.mtu { words += ["--mtu", "\(mtu)"] }
    for (option, isDatagrams) in [("--tcp-ports", false), ("--udp-ports", true)] {
      let chosen = ports.filter { $0.isDatagrams == isDatagrams }
      // Said always: else the numbers of the one kind would be forwarded for the other.
      if chosen.isEmpty { words += [option, "none"] }
      for port in chosen {
        words += [option, (port.address.map { "\($0)/" } ?? "") + "\(port.hostPort):\(port.guestPort)"]
      }
    }
    return words
  }

  /// What passt refuses for the ports that were asked for is not the host's shortage.
  static func refusal(_ reason: String) -> Diagnostic {
    if reason.contains("Failed to bind") {
      return Diagnostic(
        .noInput, "a published port is not to be had", which: reason,
        mend: "end what uses it, or publish another: -p NUMBER:PORT")
    }
    if reason.contains("Overlapping port") {
      return Diagnostic(.usage, "a port is published twice", which: reason, mend: "leave one out")
    }
    // "External interface not usable", and what later versions make of it.
    if reason.lowercased().contains("interface") {
      return Diagnostic(
        .hostResource, "the host has no network for the guest", which: "passt: \(reason)",
        mend: "`ip route` must show a default route; or use a tap")
    }
    return Diagnostic(.hostResource, "passt cannot start", which: "--net user", mend: reason)
  }

  /// The last of the lines that say why, without what it says of itself.
  static func reason(_ errors: String) -> String {
    let lines = errors.split(separator: "\n").filter {
      !$0.hasPrefix("Failed to send") && !$0.hasPrefix("Don't run as root")
    }
    return lines.last.map(String.init) ?? "it says nothing"
  }
}
