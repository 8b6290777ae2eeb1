import Backends
import Configuration
import Confinement
import Devices
import LinuxSystem

/// The virtio devices of a machine in the order of their windows: console with its ports, disks, entropy, vsock,
/// networks, balloon, shares.
struct VirtioDevices {
  private(set) var attached: [AttachedDevice] = []
  /// Nil where the machine has another console or none.
  private(set) var console: VirtioConsole?
  private let mailbox: EventLoop.Mailbox
  private let jail: Jail?
  private let trace: Trace?

  init(
    _ description: MachineDescription, control: MachineControl, mailbox: EventLoop.Mailbox,
    remainders: FrameRemainders, jail: Jail?
  ) throws(Diagnostic) {
    self.mailbox = mailbox
    self.jail = jail
    trace = control.trace
    try addConsole(description, control)
    for disk in description.disks {
      try attach(BlockPort(disk, queues: description.cpus, control: control), "disk \(disk.path)")
    }
    if description.entropy { try addEntropy(description.entropyLimit) }
    if let vsock = description.vsock { try add(vsock) }
    for network in description.networks { try add(network, control, remainders) }
    if let balloon = description.balloon {
      try attach(BalloonPort(balloon, memory: description.memory, control: control), "balloon")
    }
    try add(description.shares, description.verbose ? control : nil)
  }

  /// One device for the console and the named ports: either alone brings it.
  private mutating func addConsole(
    _ description: MachineDescription, _ control: MachineControl
  ) throws(Diagnostic) {
    let hasConsole = description.console == .virtio
    guard hasConsole || !description.ports.isEmpty else { return }
    let line = hasConsole ? try ConsoleLine.standard(input: true, control: control) : nil
    var ports: [(name: String, socket: PortSocket)] = []
    for port in description.ports { ports.append((port.name, try socket(of: port))) }
    let device = try host("cannot attach the console") { () throws(SystemError) in
      try ConsolePort(line: line, size: hasConsole ? .ofTerminal : nil, ports: ports)
    }
    try attach(device, "console")
    if hasConsole { console = attached.last.map(VirtioConsole.init) }
  }

  private func socket(of port: NamedPort) throws(Diagnostic) -> sending PortSocket {
    do throws(SystemError) { return try PortSocket(path: jail?.path(ofSocket: port.path) ?? port.path) } catch
    {
      throw Diagnostic(
        .noInput, "cannot make the socket of port \(port.name)", which: port.path, mend: Self.mend(error))
    }
  }

  /// What to do about a socket's path that cannot be had.
  private static func mend(_ error: SystemError) -> String {
    switch error.code {
    case SystemError.addressInUse: "it is in use: end the machine that uses it, or name another path"
    case SystemError.exists: "it exists and is no socket: remove it, or name another path"
    default: error.reason
    }
  }

  private mutating func addEntropy(_ limit: RateLimit?) throws(Diagnostic) {
    let device = try host("cannot open the host's random numbers") { () throws(SystemError) in
      try EntropyPort(limit)
    }
    try attach(device, "entropy")
  }

  private mutating func add(_ vsock: VirtioSocket) throws(Diagnostic) {
    let socket: VsockSocket
    do throws(SystemError) {
      socket = try VsockSocket(path: jail?.path(ofSocket: vsock.path) ?? vsock.path)
    } catch {
      throw Diagnostic(
        .noInput, "cannot make the vsock socket", which: vsock.path, mend: Self.mend(error))
    }
    try attach(VsockPort(socket: socket, guestCID: vsock.guestCID), "vsock")
  }

  private mutating func add(
    _ network: NetworkInterface, _ control: MachineControl, _ remainders: FrameRemainders
  ) throws(Diagnostic) {
    let name: String
    switch network.host {
    case .tap(_, let tap): name = tap
    case .program: name = "user"
    }
    let port: NetPort
    do throws(SystemError) {
      port = try NetPort(network, remainders) {
        control.note("network \(name): its end on the host is gone; the guest sees the cable unplugged")
      }
    } catch {
      throw Diagnostic(.hostResource, "cannot attach the network", which: name, mend: "\(error)")
    }
    try attach(port, "network \(name)")
  }

  /// - Parameter control: told of each share; nil where nothing is to be said.
  private mutating func add(_ shares: [Share], _ control: MachineControl?) throws(Diagnostic) {
    for share in shares {
      // What is opened for a guest comes out of what is left of the process's own, in equal parts.
      let descriptors = max(ProcessLimits.descriptors - Self.ownDescriptors, 0) / shares.count
      let folder: SharedDirectory
      do throws(SystemError) {
        folder = try SharedDirectory(
          path: jail?.path(ofFolder: share.path) ?? share.path, isReadOnly: share.readOnly,
          limits: .init(descriptors: min(descriptors, 8192)))
      } catch {
        throw Diagnostic(.noInput, "cannot share the directory", which: share.path, mend: error.reason)
      }
      try attach(FsDevice(tag: share.tag, folder: folder), "share \(share.tag)")
      let way = share.readOnly ? "read-only" : "writable"
      control?.note("\(share.path), \(way): in the guest, mount -t virtiofs \(share.tag) DIRECTORY")
    }
  }

  /// More than the monitor opens besides, but for connections through virtio sockets.
  private static let ownDescriptors = 192

  /// - Parameter name: which device it is, for messages; a number tells those apart that would have the same.
  private mutating func attach(_ device: sending any VirtioDevice, _ name: String) throws(Diagnostic) {
    var number = 1
    func numbered() -> String { number == 1 ? name : "\(name) (\(number))" }
    while attached.contains(where: { $0.name == numbered() }) { number += 1 }
    do throws(SystemError) {
      attached.append(try AttachedDevice(device, name: numbered(), on: mailbox, trace: trace))
    } catch {
      throw Diagnostic(.hostResource, "cannot attach a device", which: "", mend: error.reason)
    }
  }
}
