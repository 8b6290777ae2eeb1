import Backends
import Configuration
import Devices
import LinuxSystem

/// The virtio devices of a machine in the order of their windows: console, disks, entropy, vsock, shares.
struct VirtioDevices {
  private(set) var attached: [AttachedDevice] = []
  /// Nil where the machine has another console or none.
  private(set) var console: VirtioConsole?
  private let mailbox: EventLoop.Mailbox

  init(
    _ description: MachineDescription, control: MachineControl, mailbox: EventLoop.Mailbox
  ) throws(Diagnostic) {
    self.mailbox = mailbox
    if description.console == .virtio { try addConsole(control) }
    for disk in description.disks { try add(disk, control) }
    if description.entropy { try addEntropy() }
    if let vsock = description.vsock { try add(vsock) }
    try add(description.shares, description.verbose ? control : nil)
  }

  private mutating func addConsole(_ control: MachineControl) throws(Diagnostic) {
    let line = try ConsoleLine.standard(input: true, control: control)
    let port = try host("cannot attach the console") { () throws(SystemError) in
      try ConsolePort(line: line, size: .ofTerminal)
    }
    try attach(port)
    console = attached.last.map(VirtioConsole.init)
  }

  private mutating func add(_ disk: Disk, _ control: MachineControl) throws(Diagnostic) {
    let store: DiskFile
    do throws(DiskError) {
      store = try DiskFile(path: disk.path, readOnly: disk.readOnly, serialNumber: disk.identifier ?? "") {
        control.note("disk \(disk.path): \($0)")
      }
    } catch {
      throw Diagnostic(.noInput, "cannot use the disk", which: disk.path, mend: "\(error)")
    }
    try attach(BlockDevice(store: store))
  }

  private mutating func addEntropy() throws(Diagnostic) {
    let source = try host("cannot open the host's random numbers") { () throws(SystemError) in
      try HostEntropy()
    }
    try attach(EntropyDevice(source: source))
  }

  private mutating func add(_ vsock: VirtioSocket) throws(Diagnostic) {
    let socket: VsockSocket
    do throws(SystemError) { socket = try VsockSocket(path: vsock.path) } catch {
      throw Diagnostic(
        .noInput, "cannot make the vsock socket", which: vsock.path,
        mend: error.code == SystemError.addressInUse
          ? "it exists: remove it, or end the machine that uses it" : error.reason)
    }
    try attach(VsockPort(socket: socket, guestCID: vsock.guestCID))
  }

  /// - Parameter control: told of each share; nil where nothing is to be said.
  private mutating func add(_ shares: [Share], _ control: MachineControl?) throws(Diagnostic) {
    for share in shares {
      // What is opened for a guest comes out of what is left of the process's own, in equal parts.
      let descriptors = max(ProcessLimits.descriptors - Self.ownDescriptors, 0) / shares.count
      let folder: SharedDirectory
      do throws(SystemError) {
        folder = try SharedDirectory(
          path: share.path, isReadOnly: share.readOnly, limits: .init(descriptors: min(descriptors, 8192)))
      } catch {
        throw Diagnostic(.noInput, "cannot share the directory", which: share.path, mend: error.reason)
      }
      try attach(FsDevice(tag: share.tag, folder: folder))
      let way = share.readOnly ? "read-only" : "writable"
      control?.note("\(share.path), \(way): in the guest, mount -t virtiofs \(share.tag) DIRECTORY")
    }
  }

  /// More than the monitor opens besides, but for connections through virtio sockets.
  private static let ownDescriptors = 192

  private mutating func attach(_ device: sending any VirtioDevice) throws(Diagnostic) {
    do throws(SystemError) { attached.append(try AttachedDevice(device, on: mailbox)) } catch {
      throw Diagnostic(.hostResource, "cannot attach a device", which: "", mend: error.reason)
    }
  }
}
