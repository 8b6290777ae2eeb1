import Configuration
import Glibc
import LinuxSystem

/// The networks of a machine being made ready: taps are open, and passt is starting.
struct PreparedNetworks: ~Copyable {
  private let requests: [NetworkRequest]
  private var taps: [Int32]
  private var user: UserNetwork?

  init(_ requests: [NetworkRequest], publishing ports: [PublishedPort]) throws(Diagnostic) {
    let users = requests.filter(\.isUser)
    guard users.count <= 1 else {
      throw Diagnostic(.usage, "two user networks", which: "--net user", mend: "one is enough: name it once")
    }
    guard requests.count(where: { $0.isUser || $0.address != nil }) <= 1 else {
      throw Diagnostic(
        .usage, "two networks with an address", which: "--net",
        mend: "the kernel is told of one: leave ip= out")
    }
    if let port = ports.first, users.isEmpty {
      throw Diagnostic(
        .usage, "a published port without a user network", which: "\(port)",
        mend: "add --net user; with a tap, connect to the guest's own address")
    }
    var user: UserNetwork?
    if let request = users.first { user = try UserNetwork(request, publishing: ports) }
    var taps: [Int32] = []
    for request in requests {
      if case .tap(let name) = request.host {
        taps.append(try PreparedNetworks.openTap(name, mtu: request.mtu))
      }
    }
    self.requests = requests
    self.taps = taps
    self.user = user
  }

  /// Waits until all is ready.
  consuming func interfaces() throws(Diagnostic) -> [NetworkInterface] {
    var socket: Int32 = -1
    if let user = user.take() { socket = try user.ready() }
    var next = taps.makeIterator()
    var interfaces: [NetworkInterface] = []
    for request in requests {
      let host: NetworkInterface.Host
      switch request.host {
      case .tap(let name): host = .tap(next.next() ?? -1, name: name)
      case .user: host = .program(socket)
      }
      interfaces.append(
        try NetworkInterface(
          host: host, macAddress: request.macAddress ?? PreparedNetworks.address(for: request),
          mtu: request.mtu,
          receiveLimit: request.receiveLimit, transmitLimit: request.transmitLimit))
    }
    return interfaces
  }

  /// The same for one tap of one host, another for others: frames of taps may meet on a bridge.
  private static func address(for request: NetworkRequest) -> MACAddress {
    guard case .tap(let name) = request.host else { return MACAddress(derivedFrom: "user") }
    return MACAddress(derivedFrom: "\(Installation.hostIdentity) \(name)")
  }

  /// A tap that is made here is also made ready for use; one that was there is as its owner wants it.
  private static func openTap(_ name: String, mtu: UInt16?) throws(Diagnostic) -> Int32 {
    let isThere = TapInterface.exists(name)
    do throws(SystemError) {
      let tap = try TapInterface.open(name)
      if !isThere { try TapInterface.start(name, mtu: mtu) }
      return try tap.bequeath()
    } catch {
      throw diagnostic(error, name, isThere: isThere)
    }
  }

  private static func diagnostic(_ error: SystemError, _ name: String, isThere: Bool) -> Diagnostic {
    let isDevice = error.operand == TapInterface.path
    switch error.code {
    case ENOENT where isDevice, ENXIO where isDevice, ENODEV where isDevice:
      return Diagnostic(
        .noInput, "this host has no taps", which: TapInterface.path, mend: "as root: modprobe tun")
    case EACCES where isDevice, EPERM where isDevice:
      return Diagnostic(
        .noInput, "no permission for taps", which: TapInterface.path,
        mend: "let this user read and write it, or use --net user")
    case EPERM:
      return Diagnostic(
        .noInput, isThere ? "no permission for the tap" : "no such tap, and no permission to make one",
        which: name,
        mend: (isThere ? "as root: ip link delete \(name); " : "as root: ")
          + "ip tuntap add \(name) mode tap user NAME")
    case EBUSY:
      return Diagnostic(
        .noInput, "tap in use", which: name, mend: "end the program that has it, or name another")
    case EINVAL where isThere:
      return Diagnostic(
        .noInput, "not a tap with one queue", which: name,
        mend: "name one made by ip tuntap add, or a new name")
    default:
      return Diagnostic(.hostResource, "cannot open the tap", which: name, mend: "\(error)")
    }
  }
}
