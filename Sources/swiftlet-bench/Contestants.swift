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
  /// What the program is asked its version with; nil where it is not asked: nobody knows what else it would do.
  var versionOption: String?
  /// A command that removes what a run may leave that did not go well.
  var remedy: [String] = []

  init(
    _ name: String, _ command: [String], isolation: String? = nil, hasOwnKernel: Bool? = nil,
    expecting expected: Int32 = 0, files: [String] = [], version: String? = nil
  ) {
    contestant = Contestant(name, command: command)
    (contestant.isolation, contestant.hasOwnKernel) = (isolation, hasOwnKernel)
    (self.expected, self.files, versionOption) = (expected, files, version)
  }

  /// One that cannot take part.
  init(_ name: String, absent reason: String) {
    self.init(name, [])
    contestant.absence = reason
  }

  var job: Job {
    var job = Job(name: contestant.name, arguments: contestant.command)
    job.environment = contestant.environment ?? []
    return job
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
    for name in ["crun", "runc", Contest.libkrun] { entrants.append(found(name) { runtime(name, $0) }) }
    entrants.append(found("podman", podman))
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
      files: helpers.compactMap { Bench.Program.find($0) } + [files.program], version: "--version")
  }

  private func podman(_ path: String) -> Entrant {
    let options = ["run", "--rm", "--name", containerName("podman"), "--network", "none", "--rootfs"]
    var entrant = container(
      "podman", [path] + options + [files.root, "/true"], helpers: ["conmon", "crun", "runc", "netavark"])
    entrant.remedy = [path, "rm", "--force", "--ignore", containerName("podman")]
    return entrant
  }

  private func containerName(_ name: String) -> String { "swiftlet-bench-\(getpid())-\(name)" }

  /// crun with the name by which it starts libkrun's machines.
  private static let libkrun = "krun"

  /// A container as the runtime's `spec` proposes it, but for the program and the terminal; a machine's processor and
  /// memory are those of all machines.
  private func runtime(_ name: String, _ path: String) -> Entrant {
    let bundle = "\(files.folder.path)/\(name)"
    var entrant = container(name, [path, "run", "--bundle", bundle, containerName(name)])
    entrant.remedy = [path, "delete", "--force", containerName(name)]
    do throws(Failure) {
      if name == Contest.libkrun {
        (entrant.contestant.isolation, entrant.contestant.hasOwnKernel) = ("virtual machine", true)
        try makeRoot("\(bundle)-root")
        try makeBundle(name, path, bundle, root: "\(bundle)-root")
      } else {
        try makeBundle(name, path, bundle, root: files.root)
      }
    } catch {
      entrant.contestant.failure = error.description
    }
    return entrant
  }

  /// libkrun's own, into which it writes, and of which crun reads what the machine is to be.
  private func makeRoot(_ root: String) throws(Failure) {
    mkdir(root, 0o755)
    try ContestFiles.write(TrivialProgram.program, to: "\(root)/true", mode: 0o755)
    let machine = "{\"cpus\": 1, \"ram_mib\": \(files.mebibytes)}"
    try ContestFiles.write(Array(machine.utf8), to: "\(root)/.krun_vm.json")
  }

  private func makeBundle(_ name: String, _ path: String, _ bundle: String, root: String) throws(Failure) {
    mkdir(bundle, 0o755)
    let rootless = geteuid() == 0 ? [] : ["--rootless"]
    _ = try Job(name: "\(name) spec", arguments: [path, "spec", "--bundle", bundle] + rootless).run()
    var text = Bench.Program.file("\(bundle)/config.json")
    let changes = [
      ("\"terminal\": true", "\"terminal\": false"), ("\"sh\"", "\"/true\""),
      ("\"rootfs\"", "\"\(root)\""),
      (
        "\"ociVersion\"",
        "\"annotations\": {\"krun.cpus\": \"1\", \"krun.ram_mib\": \"\(files.mebibytes)\"}, \"ociVersion\""
      ),
    ]
    for (old, new) in changes {
      guard let range = text.firstRange(of: old) else { throw Failure("\(name) spec makes no \(old)") }
      text.replaceSubrange(range, with: new)
    }
    try ContestFiles.write(Array(text.utf8), to: "\(bundle)/config.json")
  }

  private func qemu() -> [Entrant] {
    // With what newer hosts tell of themselves in this register, QEMU cannot set it everywhere; nothing here reads it.
    let ways = [("KVM", "kvm", "host,arch-capabilities=off"), ("TCG", "tcg", "max")]
    return ways.flatMap { title, accelerator, processor in
      let names = ["QEMU microvm, \(title)", "QEMU microvm, \(title), bare guest"]
      guard let path = Bench.Program.find("qemu-system-x86_64") else {
        return names.map { Entrant($0, absent: "qemu-system-x86_64 is not in PATH") }
      }
      let command = [
        path, "-M", "microvm,accel=\(accelerator),x-option-roms=off,isa-serial=off,rtc=off,acpi=off",
        "-cpu", processor, "-m", "\(files.mebibytes)M", "-nodefaults", "-no-user-config", "-display", "none",
        "-no-reboot", "-device", "i8042",
      ]
      let guest = [files.kernel, files.initialRamdisk]
      return [
        machine(
          names[0], command + ["-kernel", guest[0], "-initrd", guest[1], "-append", files.commandLine], guest),
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
        let guest = [files.kernel, files.initialRamdiskPoweringOff]
        return machine(
          "Cloud Hypervisor",
          [path, "--kernel", guest[0], "--initramfs", guest[1], "--cmdline", files.commandLine] + options,
          guest)
      },
      found("kvmtool, bzImage", program: "lkvm") { path in
        let name = "kvmtool, bzImage"
        guard let kernel = files.compressedKernel else {
          return Entrant(name, absent: "it takes no ELF file, and there is no bzImage of the kernel")
        }
        var entrant = machine(
          name,
          [path, "run", "-k", kernel, "-i", guest[1], "-m", memory, "-c", "1", "-p", files.commandLine],
          [kernel, guest[1]])
        entrant.versionOption = "version"
        return entrant
      },
    ]
  }

  private func machine(_ name: String, _ command: [String], _ guest: [String]) -> Entrant {
    Entrant(
      name, command, isolation: "virtual machine", hasOwnKernel: true, files: guest, version: "--version")
  }

  private func own() -> [Entrant] {
    let boot = [swiftlet.program, "boot", "--memory", "\(files.mebibytes)M", "--console", "none", "--kernel"]
    let reset = ExitStatus.guestReset.code
    let guest = [files.kernel, files.initialRamdisk]
    // The installed kernel is what it starts by itself.
    let kernel = files.named == nil ? [] : ["--kernel", files.kernel]
    var run = own(
      "swiftlet run", [swiftlet.program, "run"] + kernel + [files.root, "--", "/true"], 0,
      [files.kernel, "\(swiftlet.share)/agent/agent.cpio", files.program])
    // The image that is made of the folder is not to be kept in the person's cache.
    run.contestant.environment = ["XDG_CACHE_HOME=\(files.folder.path)/cache"]
    return [
      own(
        "swiftlet boot", boot + [guest[0], "--initrd", guest[1], "--cmdline", files.commandLine], reset, guest
      ),
      run, own("swiftlet boot, bare guest", boot + [files.bareGuest], reset, [files.bareGuest]),
    ]
  }

  private func own(_ name: String, _ command: [String], _ expected: Int32, _ guest: [String]) -> Entrant {
    Entrant(
      name, command, isolation: "virtual machine", hasOwnKernel: true, expecting: expected,
      files: (swiftlet.monitor.map { [$0] } ?? []) + guest, version: "--version")
  }
}
