import Bench
import Configuration
import Glibc
import LinuxSystem

/// What takes part in a comparison: how it is told of, and how it is started.
struct Entrant {
  var contestant: Contestant
  /// The exit status of a run that went well.
  let expected: Int32
  /// Besides the program with its libraries.
  let files: [String]

  init(
    _ name: String, _ command: [String], isolation: String? = nil, hasOwnKernel: Bool? = nil,
    expecting expected: Int32 = 0, files: [String] = []
  ) {
    contestant = Contestant(name, command: command)
    (contestant.isolation, contestant.hasOwnKernel) = (isolation, hasOwnKernel)
    (self.expected, self.files) = (expected, files)
  }

  /// One that cannot take part.
  init(_ name: String, absent reason: String) {
    self.init(name, [])
    contestant.absence = reason
  }

  var job: Job { Job(name: contestant.name, arguments: contestant.command) }
}

/// The files that contestants are started from, in a folder of their own.
struct ContestFiles {
  let folder: TemporaryFolder
  let kernel: String
  /// The same kernel as other monitors take it; nil where there is none.
  let compressedKernel: String?
  let initialRamdisk: String
  let bareGuest: String
  /// A folder with `true`, the program, and nothing else.
  let root: String
  var program: String { root + "/true" }
  /// What Linux is told: nothing on a console, and to reset by the keyboard controller.
  let commandLine = "reboot=k panic=-1 quiet loglevel=0"
  /// For QEMU's microvm, which has no keyboard controller: by a triple fault.
  let commandLineOfQEMU = "reboot=t panic=-1 quiet loglevel=0"
  let mebibytes = 128

  init(_ swiftlet: Swiftlet, kernel: String?) throws {
    folder = try TemporaryFolder()
    self.kernel = try kernel ?? swiftlet.guest("kernels/up/vmlinux")
    let compressed = "\(swiftlet.share)/kernels/up/bzImage"
    compressedKernel = kernel ?? (access(compressed, R_OK) == 0 ? compressed : nil)
    (root, initialRamdisk) = ("\(folder.path)/root", "\(folder.path)/initrd.cpio")
    bareGuest = "\(folder.path)/bare"
    mkdir(root, 0o755)
    try Self.write(TrivialProgram.program, to: root + "/true", mode: 0o755)
    try Self.write(TrivialProgram.initialRamdisk, to: initialRamdisk)
    try Self.write(TrivialProgram.bareGuest, to: bareGuest)
    // Images that are made of the folder are not to be kept in the person's cache.
    setenv("XDG_CACHE_HOME", "\(folder.path)/cache", 1)
  }

  static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o644) throws(Failure) {
    do throws(SystemError) {
      try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode).writeAll(bytes)
    } catch { throw Failure("\(error)") }
  }

  /// What a named peer's command line can say.
  var placeholders: [String: String] {
    [
      "kernel": kernel, "bzimage": compressedKernel ?? kernel, "initrd": initialRamdisk, "bare": bareGuest,
      "root": root, "program": program, "cmdline": commandLine,
    ]
  }
}

/// Everything that is compared, found or not.
struct Contest {
  private let files: ContestFiles
  private let swiftlet: Swiftlet

  init(_ files: ContestFiles, _ swiftlet: Swiftlet) { (self.files, self.swiftlet) = (files, swiftlet) }

  func entrants(_ peers: [NamedPeer]) -> [Entrant] {
    var entrants = [Entrant("process", [files.program], isolation: "none", hasOwnKernel: false)]
    entrants.append(
      found("unshare") { path in
        let user = geteuid() == 0 ? [] : ["--user", "--map-root-user"]
        let options = user + ["--mount", "--pid", "--fork", "--net", "--ipc", "--uts"]
        return container("unshare", [path] + options + [files.program])
      })
    entrants.append(
      found("bubblewrap", program: "bwrap") { path in
        container("bubblewrap", [path, "--unshare-all", "--ro-bind", files.root, "/", "/true"])
      })
    for name in ["crun", "runc"] { entrants.append(found(name) { path in runtime(name, path) }) }
    entrants.append(
      found("podman") { path in
        container(
          "podman", [path, "run", "--rm", "--network", "none", "--rootfs", files.root, "/true"],
          helpers: ["conmon", "crun", "runc", "netavark"])
      })
    entrants += qemu() + otherMonitors()
    entrants += peers.map { Entrant($0.name, $0.command(files.placeholders)) }
    return entrants + own()
  }

  private func found(_ name: String, program: String? = nil, _ make: (String) -> Entrant) -> Entrant {
    let program = program ?? name
    return Bench.Program.find(program).map(make) ?? Entrant(name, absent: "\(program) is not in PATH")
  }

  private func container(_ name: String, _ command: [String], helpers: [String] = []) -> Entrant {
    Entrant(
      name, command, isolation: "namespaces", hasOwnKernel: false,
      files: helpers.compactMap { Bench.Program.find($0) } + [files.program])
  }

  /// A container as the runtime's `spec` proposes it, but for the program and the terminal.
  private func runtime(_ name: String, _ path: String) -> Entrant {
    let bundle = "\(files.folder.path)/\(name)"
    var entrant = container(name, [path, "run", "--bundle", bundle, "swiftlet-bench-\(getpid())-\(name)"])
    do throws(Failure) { try makeBundle(name, path, bundle) } catch {
      entrant.contestant.failure = error.description
    }
    return entrant
  }

  private func makeBundle(_ name: String, _ path: String, _ bundle: String) throws(Failure) {
    mkdir(bundle, 0o755)
    let rootless = geteuid() == 0 ? [] : ["--rootless"]
    _ = try Job(name: "\(name) spec", arguments: [path, "spec", "--bundle", bundle] + rootless).run()
    var text = Bench.Program.file("\(bundle)/config.json")
    let changes = [
      ("\"terminal\": true", "\"terminal\": false"), ("\"sh\"", "\"/true\""),
      ("\"rootfs\"", "\"\(files.root)\""),
    ]
    for (old, new) in changes {
      guard let range = text.firstRange(of: old) else { throw Failure("\(name) spec makes no \(old)") }
      text.replaceSubrange(range, with: new)
    }
    try ContestFiles.write(Array(text.utf8), to: "\(bundle)/config.json")
  }

  private func qemu() -> [Entrant] {
    let ways = [("KVM", "kvm", "host"), ("TCG", "tcg", "max")]
    return ways.flatMap { title, accelerator, processor in
      let names = ["QEMU microvm, \(title)", "QEMU microvm, \(title), bare guest"]
      guard let path = Bench.Program.find("qemu-system-x86_64") else {
        return names.map { Entrant($0, absent: "qemu-system-x86_64 is not in PATH") }
      }
      let command = [
        path, "-M", "microvm,accel=\(accelerator)", "-cpu", processor, "-m", "\(files.mebibytes)M",
        "-nodefaults",
        "-no-user-config", "-display", "none", "-no-reboot",
      ]
      let linux = files.compressedKernel.map {
        machine(
          names[0],
          command + ["-kernel", $0, "-initrd", files.initialRamdisk, "-append", files.commandLineOfQEMU],
          [$0, files.initialRamdisk])
      }
      return [
        linux ?? Entrant(names[0], absent: "there is no bzImage of the kernel"),
        machine(names[1], command + ["-kernel", files.bareGuest], [files.bareGuest]),
      ]
    }
  }

  /// Those that need no configuration but a command line, or a small file.
  private func otherMonitors() -> [Entrant] {
    let guest = [files.kernel, files.initialRamdisk]
    let memory = "\(files.mebibytes)"
    return [
      found("Firecracker", program: "firecracker") { path in
        let file = "\(files.folder.path)/firecracker.json"
        let text = """
          {"boot-source": {"kernel_image_path": "\(files.kernel)", "initrd_path": "\(files.initialRamdisk)",
           "boot_args": "\(files.commandLine)"}, "drives": [],
           "machine-config": {"vcpu_count": 1, "mem_size_mib": \(memory)}}
          """
        _ = try? ContestFiles.write(Array(text.utf8), to: file)
        return machine("Firecracker", [path, "--no-api", "--config-file", file], guest)
      },
      found("Cloud Hypervisor", program: "cloud-hypervisor") { path in
        let options = [
          "--cpus", "boot=1", "--memory", "size=\(memory)M", "--console", "off", "--serial", "off",
        ]
        return machine(
          "Cloud Hypervisor",
          [path, "--kernel", guest[0], "--initramfs", guest[1], "--cmdline", files.commandLine] + options,
          guest)
      },
      found("kvmtool", program: "lkvm") { path in
        let kernel = files.compressedKernel ?? files.kernel
        return machine(
          "kvmtool",
          [path, "run", "-k", kernel, "-i", guest[1], "-m", memory, "-c", "1", "-p", files.commandLine],
          [kernel, guest[1]])
      },
    ]
  }

  private func machine(_ name: String, _ command: [String], _ guest: [String]) -> Entrant {
    Entrant(name, command, isolation: "virtual machine", hasOwnKernel: true, files: guest)
  }

  private func own() -> [Entrant] {
    let boot = [swiftlet.program, "boot", "--memory", "\(files.mebibytes)M", "--console", "none", "--kernel"]
    let monitor = swiftlet.monitor.map { [$0] } ?? []
    let reset = ExitStatus.guestReset.code
    func own(_ name: String, _ command: [String], _ expected: Int32, _ guest: [String]) -> Entrant {
      Entrant(
        name, command, isolation: "virtual machine", hasOwnKernel: true, expecting: expected,
        files: monitor + guest)
    }
    return [
      own(
        "swiftlet boot",
        boot + [files.kernel, "--initrd", files.initialRamdisk, "--append", files.commandLine], reset,
        [files.kernel, files.initialRamdisk]),
      own(
        "swiftlet run", [swiftlet.program, "run", files.root, "--", "/true"], 0,
        [files.kernel, "\(swiftlet.share)/agent/agent.cpio", files.program]),
      own("swiftlet boot, bare guest", boot + [files.bareGuest], reset, [files.bareGuest]),
    ]
  }
}
