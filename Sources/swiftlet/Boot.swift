import ArgumentParser
import Configuration
import LinuxSystem

struct Boot: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "boot",
    abstract: "Boot a kernel.",
    discussion: """
      A size is a number with K, M, G or KiB, MiB, GiB (powers of 1024). Without --kernel, the one that \
      $SWIFTLET_KERNEL names is booted, or else the Linux installed with swiftlet.

      The default command line names the console (console=hvc0) and, where there are disks and no --initrd, the first \
      one as the root (root=/dev/vda, with ro or rw). Kernels other than swiftlet's are also told panic=-1 and \
      8250.nr_uarts=0. What follows `--` on the command line is for the guest's init: that of swiftlet's own root file \
      systems runs it as the workload, whose status becomes that of swiftlet, as in --append '-- sh -c "exit 3"'.

      At a terminal every key is the guest's, Ctrl-C and Ctrl-Z too, but for Ctrl-A: Ctrl-A x ends the machine, \
      Ctrl-A a gives the guest one Ctrl-A. With --console none, and where standard input is no terminal, Ctrl-C ends \
      the machine as any signal does: at once, with all that was written to disks kept.
      """)

  @Option(
    parsing: .unconditionalSingleValue, help: ArgumentHelp("An ELF vmlinux or a bzImage.", valueName: "file"),
    completion: .file())
  var kernel: [String] = []

  @Option(
    parsing: .unconditionalSingleValue, help: ArgumentHelp("An initial RAM disk.", valueName: "file"),
    completion: .file())
  var initrd: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      A raw disk image or block device. ro makes it read-only, id= gives its serial number, direct goes around the \
      host's page cache, engine=io_uring has many transfers at a time (what direct has by itself, if the host allows it), bandwidth= and iops= limit the bytes and the \
      operations of a second (zeroes are bytes, discards are operations alone). One that grows while the guest runs is seen by it. An image that does not fill its last sector of 512 bytes is read as if \
      zeroes followed. May be repeated.
      """, valueName: "file[,ro][,id=name][,direct][,engine=sync|io_uring][,bandwidth=size][,iops=n]"),
    completion: .file())
  var disk: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("The kernel's command line, instead of the default one.", valueName: "line"))
  var cmdline: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("What to add to the kernel's command line. May be repeated.", valueName: "line"))
  var append: [String] = []

  @Option(
    parsing: .unconditionalSingleValue, help: ArgumentHelp("Guest memory. (default: 128M)", valueName: "size")
  )
  var memory: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Number of processors. (default: 1)", valueName: "n"))
  var cpus: [Int] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "The guest's console. (default: virtio, or serial if the command line has console=ttyS0)",
      valueName: "device"))
  var console: [MachineDescription.Console] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      Sockets between host and guest, through a Unix socket made at this path: send it `CONNECT port` and a line \
      feed, and it answers `OK` with a number, or ends the connection where nobody takes it; a guest's connection to host port n goes to path_n. The guest's address is 3, or N with ,cid=N.
      """, valueName: "path[,cid=n]"),
    completion: .file())
  var vsock: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      A network card. user: connections are made as the host's own, by passt, without rights; the default kernel gets \
      its address, 10.0.2.15, by DHCP, with the gateway 10.0.2.2, which answers for names too. ,host-loopback lets the guest reach the host's loopback at its gateway's address. \
      tap=NAME: a tap of the host, made and removed again if there is none of that name; the host's end has the address \
      that `ip addr add ADDRESS/BITS dev NAME` there gives it, and a Linux guest that of ,ip=ADDRESS/BITS, and ,gateway=ADDRESS and ,dns=ADDRESS. ,bandwidth=SIZE and ,packets=N limit the \
      bytes and frames a second in each direction. May be repeated.
      """, valueName: "user|tap=name[,mac=address][,mtu=bytes]"))
  var net: [String] = []

  @Option(
    name: [.short, .long], parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      Lead a port of the host to one of the guest, with --net user; at all addresses of the host unless one is named. \
      May be repeated.
      """, valueName: "[address:]port:port[/udp]"))
  var publish: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      Memory that the guest lends to the host. With deflate-on-oom it takes some back when it runs out, with reporting \
      the host also has what is free at the time, with stats= a line tells of its memory every so many seconds. A size \
      written to the named pipe of control= is the new one: `mkfifo f`, and later `echo 64M > f`.
      """, valueName: "size[,deflate-on-oom][,reporting][,stats=seconds][,control=fifo]"))
  var balloon: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      A port that the guest finds by NAME, in Linux a /dev/vportNpM beside hvc0, joined to one program at a time that \
      connects to the Unix socket made at this path. May be repeated.
      """, valueName: "name=path"),
    completion: .file())
  var port: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      A directory the guest may mount, with `mount -t virtiofs TAG /mnt`. The tag is share0 for the first, share1 for \
      the next, or what ,tag= gives. The guest can only read it, unless ,rw is added. May be repeated.
      """, valueName: "directory[,tag=name][,ro|rw]"),
    completion: .directory)
  var share: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("How the hardware is described to the kernel. (default: auto)", valueName: "way"))
  var describe: [MachineDescription.HardwareDescription] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "A Firecracker configuration file; options override it, and disks are added.", valueName: "file"),
    completion: .file(extensions: ["json"]))
  var config: [String] = []

  @Flag(help: "Print when each step of the boot was reached.")
  var timeline = false

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      Write the timeline to a file, as a JSON object on one line: nanoseconds of CLOCK_MONOTONIC, and what KVM had \
      counted until then. With --reboot restart, one line for each start.
      """, valueName: "file"),
    completion: .file())
  var json: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      Write what the machine did and when to a file that chrome://tracing and ui.perfetto.dev show: the steps of the \
      boot, each exit of a processor, and each time that a device served its queues. A file of that name is written over.
      """, valueName: "file"),
    completion: .file(extensions: ["json"]))
  var trace: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Stop the machine after that many seconds, restarts included.", valueName: "seconds"))
  var timeLimit: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("What a reset by the guest does. (default: exit)", valueName: "action"))
  var reboot: [MachineDescription.Reboot] = []

  @Flag(
    help: """
      Run the monitor in namespaces of its own (user, mount, pid, net, ipc) and in an empty root directory, where only \
      the folders of shares and sockets are.
      """)
  var jail = false

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "The user, by number, that the monitor becomes once all is open; needs --gid. Other groups are given up.",
      valueName: "n"))
  var uid: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("The group, by number, that the monitor becomes once all is open.", valueName: "n"))
  var gid: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      The control group that the monitor runs in, made if there is none, and left there; versions 1 and 2. memory= and \
      cpus= limit what guest and monitor use together, pids= the number of its threads.
      """, valueName: "path[,memory=size][,cpus=n][,pids=n]"))
  var cgroup: [String] = []

  @Flag(
    help: """
      Run the monitor without its walls: with all capabilities and system calls that it was started with. To look for \
      faults in it; not for guests that are not trusted.
      """)
  var noConfinement = false

  @Flag(name: .shortAndLong, help: "Say what is done.")
  var verbose = false

  func run() throws {
    let request = try request()
    if !Program.hasOutput, request.console != MachineDescription.Console.none {
      standardError("swiftlet: the console's output is lost: standard output is closed\n")
    }
    try Monitor.become(request.describe(startedAt: Program.startedAt))
  }

  /// What is asked for, before any file is looked at.
  func request() throws(Diagnostic) -> BootRequest {
    var request: BootRequest
    if let config = try single(config, "--config") {
      var file = try ConfigFile(at: config)
      request = try file.request(hasKernel: !kernel.isEmpty)
    } else {
      request = BootRequest()
    }
    if let kernel = try single(kernel, "--kernel") { request.kernel = kernel }
    if let initrd = try single(initrd, "--initrd") { request.initialRamdisk = initrd }
    for text in disk { request.disks.append(try Disk(option: text)) }
    if let cmdline = try single(cmdline, "--cmdline") { request.commandLine = cmdline }
    if !append.isEmpty { request.appended = append.joined(separator: " ") }
    if let memory = try single(memory, "--memory") { request.memory = try byteCount(memory) }
    if let cpus = try single(cpus, "--cpus") { request.cpus = cpus }
    if let console = try single(console, "--console") { request.console = console }
    for (index, text) in share.enumerated() {
      request.shares.append(try Share(option: text, index: index))
    }
    if let vsock = try single(vsock, "--vsock") { request.vsock = try VirtioSocket(option: vsock) }
    for text in net { request.networks.append(try NetworkRequest(option: text)) }
    for text in publish { request.published.append(try PublishedPort(option: text)) }
    if let balloon = try single(balloon, "--balloon") { request.balloon = try Balloon(option: balloon) }
    for text in port { request.ports.append(try NamedPort(option: text)) }
    if let describe = try single(describe, "--describe") { request.hardware = describe }
    if let reboot = try single(reboot, "--reboot") { request.reboot = reboot }
    if let timeLimit = try single(timeLimit, "--time-limit") {
      request.timeLimit = try nanoseconds(timeLimit)
    }
    request.isolation = try Isolation(
      isOn: !noConfinement, hasJail: jail, user: try number(uid, "--uid"), group: try number(gid, "--gid"),
      controlGroup: try single(cgroup, "--cgroup").map { text throws(Diagnostic) in
        try ControlGroup(option: text)
      })
    request.timeline = timeline
    request.record = try single(json, "--json")
    request.trace = try single(trace, "--trace")
    request.verbose = verbose
    return request
  }

  /// The number of a user or a group: names are not looked up.
  private func number(_ values: [String], _ option: String) throws(Diagnostic) -> UInt32? {
    guard let text = try single(values, option) else { return nil }
    guard let number = UInt32(text) else {
      let tool = option == "--uid" ? "id -u NAME" : "getent group NAME"
      throw Diagnostic(
        .usage, "no number", which: "\(option) \(text)", mend: "write one: `\(tool)` tells a name's")
    }
    return number
  }

  /// The value of an option that is given once or not at all.
  private func single<Value>(_ values: [Value], _ name: String) throws(Diagnostic) -> Value? {
    guard values.count < 2 else {
      throw Diagnostic(.usage, "option given twice", which: name, mend: "give it once")
    }
    return values.first
  }
}
