import Configuration
import Glibc
import KernelImages
import LinuxSystem

/// What a person asked to boot, from options and a configuration file; nil where nothing was said.
struct BootRequest: Equatable {
  var kernel: String?
  var initialRamdisk: String?
  var disks: [Disk] = []
  var commandLine: String?
  var appended: String?
  var memory: UInt64 = 128 << 20
  var cpus = 1
  /// nil where the command line decides: see ``consoleInUse``.
  var console: MachineDescription.Console?
  var ports: [NamedPort] = []
  var hardware = MachineDescription.HardwareDescription.auto
  var entropy = true
  var entropyLimit: RateLimit?
  var vsock: VirtioSocket?
  var networks: [NetworkRequest] = []
  var published: [PublishedPort] = []
  var balloon: Balloon?
  var shares: [Share] = []
  var isolation = Isolation.standard
  var reboot = MachineDescription.Reboot.exit
  var timeLimit: UInt64?
  var timeline = false
  /// The file to write the timeline to.
  var record: String?
  var trace: String?
  var verbose = false

  /// The machine that answers the request, with every file it names looked at.
  func describe(startedAt: UInt64) throws(Diagnostic) -> MachineDescription {
    // First, since passt needs as long as all the rest.
    let prepared = try PreparedNetworks(networks, publishing: published)
    let path: String
    if let kernel {
      path = kernel
    } else {
      path = try DefaultKernel.path(oneCPU: cpus == 1 && [.auto, .mptable].contains(hardware))
    }
    let cache = KernelCache.ofUser(environment: Installation.environment)
    let loadable = try cache.prepare(InputFile.open(path, "kernel", O_RDONLY), path: path)
    if cpus > 1, path != DefaultKernel.installed(.smp), loadable.isForOneProcessor {
      Program.warn("\(path) is built without CONFIG_SMP: it runs on one of the \(cpus) processors")
    }
    let described: MachineDescription.HardwareDescription =
      hardware == .auto && kernel != nil ? .init(understoodBy: loadable) : hardware
    if let initialRamdisk { try InputFile.check(initialRamdisk: initialRamdisk) }
    try InputFile.check(disks)
    if let control = balloon?.control { try InputFile.check(balloonControl: control) }
    for share in shares { try InputFile.check(share) }
    let record = try openTimed(record, "timeline", O_APPEND)
    let trace = try openTimed(trace, "trace")
    return try MachineDescription(
      kernel: loadable, initialRamdisk: initialRamdisk, commandLine: fullCommandLine, describe: described,
      memory: memory, cpus: cpus, disks: disks, console: consoleInUse, ports: ports, entropy: entropy,
      entropyLimit: entropyLimit,
      vsock: vsock, shares: shares, networks: prepared.interfaces(), balloon: balloon,
      isolation: isolation, reboot: reboot, timeLimit: timeLimit, timeline: timeline,
      record: record.map { .init(descriptor: $0, describedAt: Clock.monotonicNanoseconds()) },
      trace: trace, verbose: verbose, startedAt: startedAt)
  }

  /// A file that the monitor writes when the machine ends; one that is made again adds a line to its timeline.
  private func openTimed(_ path: String?, _ what: String, _ flags: Int32 = 0) throws(Diagnostic) -> Int32? {
    guard let path else { return nil }
    do throws(SystemError) {
      return try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC | flags, mode: 0o666).bequeath()
    } catch { throw Diagnostic(.inputOutput, "cannot write the \(what)", which: path, mend: error.reason) }
  }

  /// `--cmdline` replaces the default, `--append` adds to either.
  var fullCommandLine: String {
    let line = [commandLine ?? defaultCommandLine, appended ?? ""].filter { !$0.isEmpty }.joined(
      separator: " ")
    let before = [addressArgument(besides: line), serialPortArgument(besides: line)]
    return (before + [line]).filter { !$0.isEmpty }.joined(separator: " ")
  }

  /// Where nothing else is said, the console that the command line names, as in files written for Firecracker.
  var consoleInUse: MachineDescription.Console {
    if let console { return console }
    let line = "\(commandLine ?? "") \(appended ?? "")"
    return Self.line(line, names: "ttyS0") && !Self.line(line, names: "hvc0") ? .serial : .virtio
  }

  private static func line(_ line: String, names console: String) -> Bool {
    kernelWords(line).contains { $0 == "console=\(console)" || $0.hasPrefix("console=\(console),") }
  }

  /// What is the kernel's of a command line, and not its init's.
  static func kernelWords(_ line: String) -> ArraySlice<Substring> {
    line.split(separator: " ").prefix { $0 != "--" }
  }

  /// Our kernel looks for a serial port only when told of one; others lose nothing by it, there being no second.
  private func serialPortArgument(besides line: String) -> String {
    let isSaid = Self.kernelWords(line).contains { $0.hasPrefix("8250.nr_uarts=") }
    guard consoleInUse == .serial, Self.line(line, names: "ttyS0"), !isSaid else { return "" }
    return "8250.nr_uarts=1"
  }

  /// The address that the guest was given; or what has our kernel ask for it on a user network. Nothing where something
  /// was said of addresses. It stands first, for what follows `--` is not the kernel's.
  private func addressArgument(besides line: String) -> String {
    if Self.kernelWords(line).contains(where: { $0.hasPrefix("ip=") }) { return "" }
    for (index, network) in networks.enumerated() {
      if let address = network.address { return address.argument(device: "eth\(index)") }
      if network.isUser, kernel == nil { return "ip=:::::eth\(index):dhcp" }
    }
    return ""
  }

  /// The console, the root file system, and for kernels that are not ours what ours has built in: to reset
  /// on a panic, and not to look for serial ports that are not there.
  private var defaultCommandLine: String {
    var words: [String] = []
    switch consoleInUse {
    case .virtio: words.append("console=hvc0")
    case .serial: words.append("console=ttyS0")
    case .none: break
    }
    if kernel != nil {
      words.append("panic=-1")
      if consoleInUse != .serial { words.append("8250.nr_uarts=0") }
    }
    let asksForRoot = Self.kernelWords(appended ?? "").contains { $0.hasPrefix("root=") }
    if initialRamdisk == nil, !asksForRoot, let root = disks.first {
      words += ["root=/dev/vda", root.readOnly ? "ro" : "rw"]
    }
    return words.joined(separator: " ")
  }
}
