/// Everything the monitor must know to build and run one machine. A value that exists is valid: its parts
/// are within `Limits` and agree with each other; only files and the host can still say no.
public struct MachineDescription: Sendable, Equatable {
  /// Where the kernel's ELF file is.
  public enum Kernel: Sendable, Equatable {
    case path(String)
    /// A descriptor the monitor inherits, open for reading; `name` is what messages call it.
    case descriptor(Int32, name: String)

    /// What messages call the kernel.
    public var name: String {
      switch self {
      case .path(let name), .descriptor(_, let name): name
      }
    }
  }

  /// Where the steps of the boot are written when the machine ends, as a line of JSON.
  public struct Record: Sendable, Equatable {
    /// A descriptor the monitor inherits, open for appending.
    public let descriptor: Int32
    /// When the description was complete, in nanoseconds of CLOCK_MONOTONIC.
    public let describedAt: UInt64

    public init(descriptor: Int32, describedAt: UInt64) {
      (self.descriptor, self.describedAt) = (descriptor, describedAt)
    }
  }

  /// The descriptors that the monitor inherits.
  public var inheritedDescriptors: [Int32] {
    var numbers = networks.map(\.host.descriptor) + (record.map { [$0.descriptor] } ?? [])
    if case .descriptor(let number, _) = kernel { numbers.append(number) }
    if let trace { numbers.append(trace) }
    return numbers
  }

  /// How the hardware is described to the kernel.
  public enum HardwareDescription: String, Sendable, CaseIterable {
    case auto, fdt, acpi, mptable
  }

  /// Whether somebody wants to know when each step was reached.
  public var isTimed: Bool { timeline || record != nil || trace != nil }

  /// What the guest's console is attached to the person's terminal through.
  public enum Console: String, Sendable, CaseIterable {
    /// virtio-console, hvc0 in Linux.
    case virtio
    /// The 16550 at port 0x3f8, ttyS0 in Linux.
    case serial
    /// Nothing: the guest's output is dropped and its input is empty.
    case none
  }

  /// What a reset by the guest does.
  public enum Reboot: String, Sendable, CaseIterable {
    case exit, restart
  }

  public let kernel: Kernel
  public let initialRamdisk: String?
  /// The kernel's command line before what the monitor adds for its devices and for the host.
  public let commandLine: String
  public let describe: HardwareDescription
  /// Guest RAM in bytes.
  public let memory: UInt64
  public let cpus: Int
  public let disks: [Disk]
  public let console: Console
  /// Ports of the virtio console beside the console itself.
  public let ports: [NamedPort]
  /// Whether there is a virtio-rng.
  public let entropy: Bool
  /// What it may give; nil where that is not limited.
  public let entropyLimit: RateLimit?
  public let vsock: VirtioSocket?
  public let networks: [NetworkInterface]
  public let balloon: Balloon?
  public let shares: [Share]
  public let isolation: Isolation
  public let reboot: Reboot
  /// Nanoseconds after which the machine is stopped.
  public let timeLimit: UInt64?
  /// Print the boot's timeline when the machine ends.
  public let timeline: Bool
  /// nil where none is wanted.
  public let record: Record?
  /// A descriptor the monitor inherits, open for writing: where it writes, when the machine ends, what that did and
  /// when. Of a machine that is made again after a reset there would be several.
  public let trace: Int32?
  /// Say on standard error what is done.
  public let verbose: Bool
  /// When the person's command began, in nanoseconds of CLOCK_MONOTONIC: where the timeline starts.
  public let startedAt: UInt64

  /// Throws a `Diagnostic` with status `usage` for the first part that is out of its limits.
  public init(
    kernel: Kernel, initialRamdisk: String? = nil, commandLine: String = "",
    describe: HardwareDescription = .auto, memory: UInt64 = 128 << 20, cpus: Int = 1, disks: [Disk] = [],
    console: Console = .virtio, ports: [NamedPort] = [], entropy: Bool = true,
    entropyLimit: RateLimit? = nil, vsock: VirtioSocket? = nil,
    shares: [Share] = [], networks: [NetworkInterface] = [], balloon: Balloon? = nil,
    isolation: Isolation = .standard, reboot: Reboot = .exit, timeLimit: UInt64? = nil,
    timeline: Bool = false, record: Record? = nil, trace: Int32? = nil, verbose: Bool = false,
    startedAt: UInt64 = 0
  ) throws(Diagnostic) {
    try Check.path(kernel.name, of: "kernel")
    if case .descriptor(let number, _) = kernel, number < 0 {
      throw Diagnostic(.usage, "bad kernel descriptor", which: "\(number)", mend: "give an open descriptor")
    }
    if let record, record.descriptor < 0 {
      throw Diagnostic(
        .usage, "bad descriptor for the record", which: "\(record.descriptor)",
        mend: "give an open descriptor")
    }
    if let trace, trace < 0 {
      throw Diagnostic(.usage, "bad trace descriptor", which: "\(trace)", mend: "give an open descriptor")
    }
    if trace != nil, reboot == .restart {
      throw Diagnostic(
        .usage, "a trace is of one machine", which: "--reboot restart", mend: "leave it out, or --trace")
    }
    if let initialRamdisk { try Check.path(initialRamdisk, of: "initrd") }
    try Check.commandLine(commandLine)
    try Check.memory(memory)
    try Check.cpus(cpus)
    try Check.disks(disks)
    try Check.networks(networks)
    try Check.ports(ports, vsock: vsock)
    try Check.shares(shares)
    let single = [console == .virtio || !ports.isEmpty, entropy, vsock != nil, balloon != nil]
    try Check.devices(disks.count + networks.count + shares.count + single.count { $0 })
    try balloon?.checkAmount(balloon?.amount ?? 0, memory: memory)
    if let timeLimit { try Check.timeLimit(timeLimit) }
    self.kernel = kernel
    self.initialRamdisk = initialRamdisk
    self.commandLine = commandLine
    self.describe = describe
    self.memory = memory
    self.cpus = cpus
    self.disks = disks
    self.console = console
    self.ports = ports
    self.entropy = entropy
    self.entropyLimit = entropyLimit
    self.vsock = vsock
    self.networks = networks
    self.balloon = balloon
    self.shares = shares
    self.isolation = isolation
    self.reboot = reboot
    self.timeLimit = timeLimit
    self.timeline = timeline
    self.record = record
    self.trace = trace
    self.verbose = verbose
    self.startedAt = startedAt
  }
}

/// Sockets between programs of the host and of the guest: a virtio-vsock device.
public struct VirtioSocket: Sendable, Equatable {
  /// Where the host's Unix socket is made; a guest's connection to host port n goes to `path_n`.
  public let path: String
  /// The guest's address (context identifier).
  public let guestCID: UInt32

  /// Throws a `Diagnostic` with status `usage` for a path or address that cannot be one.
  public init(path: String, guestCID: UInt32 = 3) throws(Diagnostic) {
    try Check.path(path, of: "vsock")
    guard path.utf8.count <= Limits.socketPathBytes else {
      throw Diagnostic(
        .usage, "vsock path too long", which: path,
        mend: "use at most \(Limits.socketPathBytes) bytes, as from a folder nearer to the root")
    }
    guard Limits.guestCID.contains(guestCID) else {
      throw Diagnostic(
        .usage, "bad vsock address", which: "\(guestCID)",
        mend: "use \(Limits.guestCID.lowerBound) to \(Limits.guestCID.upperBound)")
    }
    self.path = path
    self.guestCID = guestCID
  }
}

/// A directory of the host that the guest may mount: a virtio-fs device.
public struct Share: Sendable, Equatable {
  public let path: String
  /// What the guest mounts it by: 1 to 36 printable ASCII characters.
  public let tag: String
  public let readOnly: Bool

  /// Throws a `Diagnostic` with status `usage` for a path or tag that cannot be one.
  public init(path: String, tag: String, readOnly: Bool = true) throws(Diagnostic) {
    try Check.path(path, of: "share")
    guard (1...Limits.shareTagBytes).contains(tag.utf8.count),
      tag.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
    else {
      throw Diagnostic(
        .usage, "bad share tag", which: tag,
        mend: "use 1 to \(Limits.shareTagBytes) printable ASCII characters without spaces")
    }
    self.path = path
    self.tag = tag
    self.readOnly = readOnly
  }
}
