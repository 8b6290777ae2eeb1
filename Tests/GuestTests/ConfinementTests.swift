import Foundation
import Testing

/// The walls around a running monitor.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct ConfinementTests {
  /// Says one letter and spins.
  private static let endless = LifecycleGuest.say("r") + LifecycleGuest.spin

  /// Runs a machine that never ends by itself, and ends it when `look` has seen it.
  /// - Parameter look: gets the process of the machine.
  private func look(
    _ arguments: [String], through prefix: [String] = [], _ look: (pid_t) throws -> Void
  ) throws -> Program.Result {
    let guest = try LifecycleGuest(Self.endless)
    var seen: Result<Void, any Error>?
    let result = try Program(prefix: prefix).run(
      ["boot", "--kernel", guest.path, "--time-limit", "30"] + arguments, limit: 40
    ) { process in
      guard seen == nil else { return }
      seen = Result { try look(Self.child(of: process) ?? process) }
      kill(process, SIGTERM)
    }
    try #require(seen, "the guest has said nothing").get()
    return result
  }

  /// The process of a machine that has a keeper.
  private static func child(of process: pid_t) -> pid_t? {
    // A thread of the keeper's is its parent.
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    let lists = threads.map {
      try? String(contentsOfFile: "/proc/\(process)/task/\($0)/children", encoding: .utf8)
    }
    return lists.compactMap { $0?.split(separator: " ").first }.first.flatMap { pid_t($0) }
  }

  private static func fields(_ path: String) throws -> [String: String] {
    var fields: [String: String] = [:]
    for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      if parts.count == 2 { fields[parts[0]] = parts[1] }
    }
    return fields
  }

  private static func threads(of process: pid_t) throws -> [[String: String]] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task").map {
      try fields("/proc/\(process)/task/\($0)/status")
    }
  }

  private static let nothing = String(repeating: "0", count: 16)

  @Test(arguments: [
    [], ["--cpus", "2", "--console", "serial"], ["--reboot", "restart"], ["--jail"],
    ["--jail", "--uid", "4711", "--gid", "4712"],
  ])
  func everyThreadHasGivenUpItsRights(options: [String]) throws {
    let mayDropBounds = geteuid() == 0
    guard mayDropBounds || !options.contains("--uid") else { return }
    let result = try look(options) { process in
      let threads = try Self.threads(of: process)
      #expect(threads.count >= 3)
      for thread in threads {
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] + (mayDropBounds ? ["CapBnd"] : []) {
          #expect(thread[set] == Self.nothing, "\(set) of \(thread["Name"] ?? "")")
        }
        #expect(thread["NoNewPrivs"] == "1")
        #expect(thread["Seccomp"] == "2")
        if options.contains("--uid") {
          #expect(thread["Uid"]?.split(separator: "\t") == ["4711", "4711", "4711", "4711"])
          #expect(thread["Gid"]?.split(separator: "\t") == ["4712", "4712", "4712", "4712"])
          #expect(thread["Groups"] == "")
        }
      }
      let limits = try String(contentsOfFile: "/proc/\(process)/limits", encoding: .utf8)
      #expect(limits.contains(#/Max core file size +0 +0 /#))
    }
    #expect(result.status == 143)
    #expect(result.error == "swiftlet: ended by signal 15\n")
  }

  @Test func noConfinementLeavesEverythingAsItIs() throws {
    let result = try look(["--no-confinement"]) { process in
      for thread in try Self.threads(of: process) {
        #expect(thread["Seccomp"] == "0")
        #expect(thread["NoNewPrivs"] == "0")
      }
    }
    #expect(result.status == 143)
  }

  /// The guest's memory is neither in a process forked off the monitor nor in a dump.
  @Test(.enabled(if: geteuid() == 0, "needs root")) func theGuestsMemoryStaysInTheProcess() throws {
    _ = try look(["--memory", "77M"]) { process in
      // In pieces, which String(contentsOfFile:) takes for the end.
      let file = try #require(FileHandle(forReadingAtPath: "/proc/\(process)/smaps"))
      let maps = String(decoding: file.readDataToEndOfFile(), as: UTF8.self)
      // The flags of a mapping end what is told of it.
      let mapping = maps.components(separatedBy: "VmFlags:")
      let index = try #require(
        mapping.firstIndex { $0.contains(" \(77 << 10) kB\nKernelPageSize") })
      let flags = mapping[index + 1].prefix { $0 != "\n" } + " "
      #expect(flags.contains(" dc "), "MADV_DONTFORK")
      #expect(flags.contains(" dd "), "MADV_DONTDUMP")
    }
  }

  /// getuid(2), which no thread may make, put in the place of a call of a thread.
  @Test(.enabled(if: geteuid() == 0, "needs root"), arguments: ["main", "io", "vcpu 0", "vcpu 1"])
  func aBlockedCallEndsTheMonitor(thread: String) throws {
    let injector = try Injector()
    let result = try look(["--cpus", "2"]) { process in
      try injector.replaceCall(of: thread, in: process, by: 102)
      // The machine ends by itself.
      while kill(process, 0) == 0, !Self.isEnding(process) { usleep(1000) }
    }
    #expect(result.status == 85)
    #expect(
      result.error == "swiftlet: blocked system call: getuid (102) on thread \(thread): "
        + "the monitor is at fault, or its guest has got hold of it: please report it\n")
  }

  /// What filters keep from being asked, asked all the same: the other walls stand by themselves, around each thread.
  @Test(
    .enabled(if: Injector.passesFilters, "needs root, and no filter of its own"),
    arguments: [
      [], ["--no-confinement"], ["--uid", "4711", "--gid", "4712"], ["--reboot", "restart"], ["--jail"],
      ["--jail", "--uid", "4711", "--gid", "4712"],
    ])
  func theOtherWallsStandWithoutFilters(options: [String]) throws {
    let injector = try Injector()
    let isConfined = options != ["--no-confinement"]
    let result = try look(["--cpus", "2"] + options) { process in
      // landlock_create_ruleset(LANDLOCK_CREATE_RULESET_VERSION)
      let hasLandlock = try injector.result(of: 444, ["0", "0", "1"], on: "main", in: process) > 0
      for thread in ["main", "io", "vcpu 0", "vcpu 1"] {
        // open("/", O_DIRECTORY), which the permissions of the directory allow to everybody.
        let opened = try injector.result(of: 2, ["/", "0x10000"], on: thread, in: process)
        let isShut = isConfined && hasLandlock
        #expect(isShut ? opened == -Int(EACCES) : opened > 2, "Landlock on \(thread): \(opened)")
        // prctl(PR_GET_DUMPABLE)
        let isVisible = try injector.result(of: 157, ["3"], on: thread, in: process)
        #expect(isVisible == (isConfined ? 0 : 1), "\(thread)")
      }
    }
    #expect(result.status == 143)
    #expect(result.error == "swiftlet: ended by signal 15\n")
  }

  private static func isEnding(_ process: pid_t) -> Bool {
    guard let status = try? fields("/proc/\(process)/status") else { return true }
    return status["State"]?.hasPrefix("Z") ?? true
  }

  // MARK: Descriptors

  /// What a process has open, without numbers; pipes and files in `folder` by their names there.
  private static func descriptors(of process: pid_t, _ folder: String) throws -> [String] {
    let names = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")
    return names.compactMap { name in
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\(name)")
      // In a jail, paths begin at a mount that is gone.
      let name = target == "/urandom" ? "/dev/urandom" : target?.replacing(folder + "/", with: "")
      return name?.replacing("anon_inode:", with: "").replacing(#/:\[\d+\]$/#, with: "")
    }.sorted()
  }

  /// What every machine has: standard streams, and the serial port's copy of the output; the input once more, opened
  /// anew, to be read without waiting; the guest's machine and processor; both loops, whose events are not counted;
  /// signals, the time limit, the look at a halted guest; what the entropy device reads.
  private static let common = [
    "[eventpoll]", "[eventpoll]", "[signalfd]", "[timerfd]", "[timerfd]", "kvm-vcpu:0", "kvm-vm",
    "pipe", "pipe", "pipe", "pipe", "pipe", "/dev/urandom",
  ]
  /// A virtio console has copies of both streams, and a timer.
  private static let console = ["pipe", "pipe", "[timerfd]"]

  /// What a guest in control of the monitor would have: each is there for a reason, and none by inheritance.
  @Test(
    .enabled(if: geteuid() == 0, "needs root"),
    arguments: [
      ([], console), (["--console", "serial"], ["pipe"]), (["--jail"], console),
      // For the next machine.
      (["--reboot", "restart"], console + ["/memfd:remainders (deleted)"]),
      (["--disk", "disk,ro"], console + ["disk", "inotify"]),
      (["--disk", "disk,engine=io_uring"], console + ["[io_uring]", "disk", "inotify"]),
      (["--net", "tap=test0"], console + ["/dev/net/tun"]), (["--port", "one=socket"], console + ["socket"]),
      (["--vsock", "socket"], console + ["socket"]), (["--share", "share,rw"], console + ["share"]),
    ])
  func nothingIsOpenThatIsNotNeeded(options: [String], expected: [String]) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("open-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("share"), withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(count: 4096).write(to: folder.appendingPathComponent("disk"))
    let placed = options.map { option in
      for name in ["disk", "share"] where option.hasPrefix(name) { return "\(folder.path)/\(option)" }
      return option.hasSuffix("socket") && !option.hasPrefix("--")
        ? option.replacingOccurrences(of: "socket", with: "\(folder.path)/socket") : option
    }
    // A network of their own for taps, and a descriptor that nobody asked for.
    let stray = ["unshare", "--net", "sh", "-c", "exec \"$@\" 9< /etc/passwd", "sh"]
    let result = try look(placed, through: stray) { process in
      let found = try Self.descriptors(of: process, folder.path)
      #expect(found.filter { $0 != "[eventfd]" } == (Self.common + expected).sorted(), "\(options)")
    }
    #expect(result.status == 143)
  }

  // MARK: The jail

  private static let spaces = ["user", "mnt", "pid", "net", "ipc"]

  private static func namespace(_ name: String, of process: pid_t) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/ns/\(name)")
  }

  @Test(.enabled(if: geteuid() == 0, "needs root")) func aJailHasNothingOfTheHost() throws {
    let result = try look(["--jail"]) { process in
      for name in Self.spaces {
        #expect(try Self.namespace(name, of: process) != Self.namespace(name, of: getpid()), "\(name)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/root/").isEmpty)
      let interfaces = try String(contentsOfFile: "/proc/\(process)/net/dev", encoding: .utf8)
      #expect(interfaces.split(separator: "\n").dropFirst(2).allSatisfy { $0.contains("lo:") })
      #expect(try Self.threads(of: process).contains { $0["NSpid"]?.hasSuffix("\t1") == true })
      let mounts = try String(contentsOfFile: "/proc/\(process)/mountinfo", encoding: .utf8)
      #expect(mounts.split(separator: "\n").count == 1)
      #expect(mounts.contains(" / / ro,nosuid,nodev,noexec"))
    }
    #expect(result.status == 143)
  }

  /// Folders of shares and sockets are at their places, and sockets are removed at the end.
  @Test(.enabled(if: geteuid() == 0, "needs root")) func aJailHasTheFoldersOfDevices() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("jail-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["share", "sockets"] {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
    }
    let sockets = folder.appendingPathComponent("sockets")
    let options = [
      "--jail", "--share", folder.appendingPathComponent("share").path, "--port",
      "one=\(sockets.path)/port", "--vsock", "\(sockets.path)/vsock",
    ]
    let result = try look(options) { process in
      let seen = "/proc/\(process)/root" + folder.path
      #expect(try FileManager.default.contentsOfDirectory(atPath: seen).sorted() == ["share", "sockets"])
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: seen + "/sockets").sorted() == ["port", "vsock"])
      let mounts = try String(contentsOfFile: "/proc/\(process)/mountinfo", encoding: .utf8)
      #expect(mounts.contains("\(folder.path)/share ro,nosuid,nodev,noexec"))
      #expect(mounts.split(separator: "\n").count == 3)
    }
    #expect(result.status == 143)
    #expect(try FileManager.default.contentsOfDirectory(atPath: sockets.path).isEmpty)
  }

  /// Somebody who may open /dev/kvm and nothing else: with walls and, where the host has user namespaces for everybody,
  /// with a jail.
  @Test(.enabled(if: geteuid() == 0, "needs root"), arguments: ["", "--jail", "--jail --reboot restart"])
  func anyUserWithTheDeviceIsEnough(options: String) throws {
    let guest = try LifecycleGuest(LifecycleGuest.say("u") + [0xF4])
    let fixtures = try Fixtures()
    // The device with other permissions, seen by these processes only.
    let command = """
      mknod kvm c 10 232 && chmod 666 kvm && chmod 755 . && exec unshare --mount sh -c '
        mount --bind "$PWD/kvm" /dev/kvm && cd / && exec setpriv --reuid 65534 --regid 65534 --clear-groups \
        env HOME=/nonexistent $S boot --kernel \(guest.path) --time-limit 20 \(options)'
      """
    let result = try fixtures.run(command)
    #expect(result.output == "u")
    #expect(result.error == "" || result.error == "swiftlet: the time limit passed\n")
    #expect([0, 82].contains(result.status))
  }

  /// Where another user is wanted and may not be become, that is an error.
  @Test(.enabled(if: geteuid() == 0, "needs root")) func whatCannotBeHonouredIsAnError() throws {
    let guest = try LifecycleGuest(LifecycleGuest.say("u") + LifecycleGuest.reset)
    let command = """
      mknod kvm c 10 232 && chmod 666 kvm && chmod 755 . && exec unshare --mount sh -c '
        mount --bind "$PWD/kvm" /dev/kvm && cd / && exec setpriv --reuid 65534 --regid 65534 --clear-groups \
        $S boot --kernel \(guest.path) --uid 1 --gid 1'
      """
    let result = try Fixtures().run(command)
    #expect(result.output == "")
    #expect(
      result.error.hasPrefix("swiftlet: cannot confine the monitor: setgroups: Operation not permitted"))
    #expect(result.status == 71)
  }

  @Test func aKeeperEndsAsItsMachineDoes() throws {
    let again = LifecycleGuest.say("r") + LifecycleGuest.reset
    let guest = try LifecycleGuest(again)
    let result = try Program().run(
      ["boot", "--kernel", guest.path, "--jail", "--reboot", "restart", "--time-limit", "2"])
    #expect(result.output.count > 1)
    #expect(result.error == "swiftlet: the time limit passed\n")
    #expect(result.status == 82)
    for signal in [SIGKILL, SIGSEGV] {
      let killed = try look(["--reboot", "restart"]) { kill($0, signal) }
      // As `timeout` passes it on.
      #expect(killed.status == signal)
    }
  }

  /// Without its keeper, nobody would end the machine: also where it has become another user, who could not be told.
  @Test(arguments: ["--jail", "--reboot restart"], ["", " --uid 4711 --gid 4712"])
  func aMachineEndsWithItsKeeper(keeper: String, identity: String) throws {
    guard geteuid() == 0 || identity.isEmpty else { return }
    let guest = try LifecycleGuest(Self.endless)
    var hasEnded: Bool?
    let options = (keeper + identity).split(separator: " ").map(String.init)
    _ = try Program().run(
      ["boot", "--kernel", guest.path, "--time-limit", "600"] + options, limit: 40
    ) { process in
      guard hasEnded == nil, let machine = Self.child(of: process) else { return }
      kill(process, SIGKILL)
      // Long before its time is up.
      for _ in 0..<5000 where !Self.isEnding(machine) { usleep(1000) }
      hasEnded = Self.isEnding(machine)
      kill(machine, SIGKILL)
    }
    #expect(hasEnded == true)
  }

  // MARK: Control groups

  private static let memoryGroups = "/sys/fs/cgroup/memory"

  @Test(
    .enabled(
      if: access(memoryGroups + "/cgroup.procs", W_OK) == 0, "needs control groups of version 1, and root"))
  func aControlGroupLimitsTheMonitor() throws {
    let name = "swiftlet-test-\(UUID().uuidString)"
    let path = name + "/one"
    let result = try look(["--cgroup", "\(path),memory=256M,cpus=1.5,pids=50"]) { process in
      let groups = try String(contentsOfFile: "/proc/\(process)/cgroup", encoding: .utf8)
      for controller in ["memory", "cpu", "pids"] {
        #expect(
          groups.split(separator: "\n").contains { $0.contains(controller) && $0.hasSuffix(":/\(path)") })
      }
      let limits = [
        ("memory/\(path)/memory.limit_in_bytes", "268435456"), ("cpu/\(path)/cpu.cfs_quota_us", "150000"),
        ("pids/\(path)/pids.max", "50"),
      ]
      for (file, value) in limits {
        let found = try String(contentsOfFile: "/sys/fs/cgroup/" + file, encoding: .utf8)
        #expect(found.trimmingCharacters(in: .whitespacesAndNewlines) == value)
      }
    }
    #expect(result.status == 143)
    for controller in ["memory", "cpu", "pids"] {
      for part in [path, name] { rmdir("/sys/fs/cgroup/\(controller)/\(part)") }
    }
  }
}
