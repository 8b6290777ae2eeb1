import AgentProtocol
import ArgumentParser
import Configuration
import Glibc

/// The options of `swiftlet run`, spelled as Docker's where that has them. Of an option that is given more than once
/// and has one value, the last one counts.
struct RunOptions: ParsableArguments {
  @OptionGroup var program: ProgramOptions

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A file with lines as --env has them. May be repeated.", valueName: "file"),
    completion: .file())
  var envFile: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Run this instead of the image's entry point.", valueName: "command"))
  var entrypoint: String?

  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help: ArgumentHelp("Guest memory. (default: 128M)", valueName: "size"))
  var memory: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Number of processors. (default: 1)", valueName: "n"))
  var cpus: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The machine's name for itself. (default: swiftlet)", valueName: "name"))
  var hostname: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Keep what is written over the image on this disk, an ext4; with size=, one is made if there is none.",
      valueName: "file[,size=size]"),
    completion: .file())
  var writable: String?

  @Flag(help: "Let nothing of the root be written, not even for the machine's life.")
  var readOnly = false

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Memory to write to at this path. May be repeated.", valueName: "path"))
  var tmpfs: [String] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "A limit of setrlimit(2), as nofile=1024:4096. May be repeated.", valueName: "name=soft[:hard]"))
  var ulimit: [String] = []

  @Option(
    name: .shortAndLong, parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Show a directory of the host at a path of the machine, to be read; with rw, to be written too. May be repeated.",
      valueName: "directory:path[:ro|rw]"),
    completion: .directory)
  var volume: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "user: connections are made as the host's own, by passt. tap=NAME: a tap of the host. (default: none)",
      valueName: "none|user|tap=name[,ip=address/bits][,gateway=address][,dns=address]"))
  var network: String?

  @Option(
    name: .shortAndLong, parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Lead a port of the host to one of the machine, with --network user. May be repeated.",
      valueName: "[address:]port:port[/udp]"))
  var publish: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "What the machine is called for exec, ps, stop, kill, logs and inspect.", valueName: "name"))
  var name: String?

  @Flag(
    name: .shortAndLong,
    help: "Print the machine's name when the program runs, and let it run on; its output is what logs shows.")
  var detach = false

  @Flag(help: "Remove the machine at its end, which always happens.")
  var rm = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Another kernel than the one installed with swiftlet.", valueName: "file"),
    completion: .file())
  var kernel: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("End the machine after that many seconds, with status 124.", valueName: "seconds"))
  var timeLimit: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Write status, times and memory to a file, as a JSON object, whatever the end is.", valueName: "file"),
    completion: .file())
  var json: String?

  @Flag(help: "Print when each step of the boot was reached.")
  var timeline = false

  @Flag(help: "Show the guest's console, and say what is done, on standard error.")
  var verbose = false

  /// What is asked for, before any file is looked at but those of --env-file.
  func request(_ words: [String]) throws(Diagnostic) -> RunRequest {
    var request = RunRequest()
    guard let image = words.first else {
      throw Diagnostic(.usage, "no image", which: "", mend: "name a directory or a disk image")
    }
    guard !image.hasPrefix("-") else {
      throw Diagnostic(.usage, "unknown option", which: image, mend: "see swiftlet run --help")
    }
    request.image = image
    request.command = Array(words.dropFirst())
    if request.command.first == "--" { request.command.removeFirst() }
    request.entrypoint = entrypoint
    if detach, program.tty {
      throw Diagnostic(
        .usage, "a terminal for a machine without one", which: "-d -t", mend: "use swiftlet exec -t later")
    }
    for file in envFile { request.environment += try RunValue.environment(ofFile: file) }
    try program.apply(to: &request)
    for text in ulimit { request.limits.append(try RunValue.limit(text)) }
    request.writable = try writable.map { text throws(Diagnostic) in try WritableDisk(option: text) }
    request.name = try name.map { text throws(Diagnostic) in try RunValue.machineName(text) }
    request.isDetached = detach
    if detach || name != nil { request.setup.options.insert(.listens) }
    try prepare(&request.setup, &request.boot)
    return request
  }

  private func prepare(_ setup: inout Setup, _ boot: inout BootRequest) throws(Diagnostic) {
    setup.hostName = try RunValue.hostName(hostname ?? "swiftlet")
    if readOnly { setup.options.insert(.readOnly) }
    if writable != nil { setup.options.formUnion([.writableDisk, .settles]) }
    for (index, text) in volume.enumerated() {
      let volume = try Volume(option: text, index: index)
      boot.shares.append(volume.share)
      setup.mounts.append(volume.mount)
      if !volume.share.readOnly { setup.options.insert(.settles) }
    }
    for text in tmpfs {
      setup.mounts.append(
        Setup.Mount(.memory, source: "tmpfs", target: try RunValue.mountPoint(text, "tmpfs")))
    }
    // What is mounted in another's folder comes after it, whatever the order of options.
    let depth = { (path: String) in path.split(separator: "/").count }
    setup.mounts.sort { depth($0.target) < depth($1.target) }
    if let network, network != "none" {
      let request = try NetworkRequest(option: network, besides: "none, ")
      boot.networks = [request]
      if request.isUser || request.address?.nameServer != nil { setup.options.insert(.network) }
    }
    for text in publish { boot.published.append(try PublishedPort(option: text)) }
    if let port = boot.published.first, !boot.networks.contains(where: \.isUser) {
      throw Diagnostic(
        .usage, "a published port without a user network", which: "\(port)", mend: "add --network user")
    }
    boot.kernel = kernel
    if let memory { boot.memory = try byteCount(memory) }
    if let cpus { boot.cpus = cpus }
    if let timeLimit { boot.timeLimit = try nanoseconds(timeLimit) }
    boot.console = verbose ? .virtio : MachineDescription.Console.none
    boot.timeline = timeline
    boot.verbose = verbose
  }
}
