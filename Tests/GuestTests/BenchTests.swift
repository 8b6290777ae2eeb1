import Foundation
import Testing

/// `swiftlet bench` on the real KVM.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct BenchTests {
  private static let steps = [
    "command started", "command done", "monitor started", "machine made", "kernel loaded", "guest entered",
    "first exit", "guest off", "machine ended", "process gone",
  ]

  @Test func timesABootInPhases() throws {
    let folder = try BenchFolder()
    let kernel = try BareGuest.path("hello")
    let result = try Program().run([
      "bench", "boot", "-n", "5", "--kernel", kernel, "--json", folder.path("a.json"), "--csv",
      folder.path("a.csv"), "--html", folder.path("a.html"), "--", "--memory", "64M",
    ])
    #expect(result.status == 0, "\(result.error)")
    #expect(result.error == "")
    let document = try folder.document("a.json")
    let boot = try #require(document.contestants.first)
    #expect(document.kind == "boot")
    // As it was run, with what the benchmark adds.
    #expect(boot.command.dropFirst().prefix(6) == ["boot", "--kernel", kernel, "--memory", "64M", "--json"])
    #expect(document.conditions.kernel == kernel)
    #expect(document.conditions.command.prefix(3) == ["swiftlet", "bench", "boot"])
    #expect(document.conditions.kvm["/dev/kvm"] == "usable, API version 12")
    let hash = try Fixtures().run("sha256sum '\(kernel)' | cut -c 1-64").output
    #expect(document.conditions.kernelSHA256.map { $0 + "\n" } == hash)
    #expect(document.conditions.cache == nil)
    #expect(boot.memoryBeyondGuest ?? 0 > 0)

    let phases = boot.series.filter { $0.name.hasPrefix("until ") }
    #expect(phases.map { String($0.name.dropFirst(6)) } == Self.steps)
    let wall = boot.values("wall")
    #expect(wall.count == 5)
    for run in wall.indices { #expect(phases.map { $0.values[run] }.reduce(0, +) == wall[run]) }
    // One line: each letter is a write to a port, and so are the power-off and its status.
    let ports = phases.map { $0.counters?["monitor_ports"] ?? [] }
    #expect(ports[7].allSatisfy { $0 > 20 } && ports[5].allSatisfy { $0 == 0 })
    let lines = try String(contentsOfFile: folder.path("a.csv"), encoding: .utf8).split(separator: "\n")
    #expect(lines.first == "contestant,series,unit,run,value")
    #expect(lines.contains("swiftlet boot,wall,nanoseconds,5,\(Int(wall[4]))"))
    for step in Self.steps { #expect(result.output.contains("until \(step)")) }
    let page = try String(contentsOfFile: folder.path("a.html"), encoding: .utf8)
    for value in phases.flatMap(\.values) { #expect(page.contains("data-value=\"\(Int(value))\"")) }

    let same = try Program().run(["bench", "diff", folder.path("a.json"), folder.path("a.json")])
    #expect(same.status == 65 && same.output.contains("too few runs to tell\n"))
    #expect(same.error.contains("too few runs to tell of any difference"))
  }

  /// The boot's phases but for the one that takes longest.
  private static func longest(_ boot: BenchDocument.Contestant, run: Int) throws -> (
    name: String, time: Double
  ) {
    let phases = boot.series.filter { $0.name.hasPrefix("until ") }
    let longest = try #require(phases.max { $0.values[run] < $1.values[run] })
    return (String(longest.name.dropFirst(6)), longest.values[run])
  }

  /// What the monitor waits for in one system call is in the phase in which it makes that, and in no other. A second
  /// processor, which waits for ever, is one that has to be told of the end.
  @Test(
    arguments: [
      ("/dev/kvm", "openat", "machine made"), ("swiftlet-vmm", "execve", "monitor started"),
      ("", "tgkill", "machine ended"), ("", "exit_group", "process gone"),
    ])
  func aDelayIsInItsPhaseAlone(file: String, call: String, late: String) throws {
    let folder = try BenchFolder()
    let path = file.hasPrefix("/") ? file : Program.folder.appendingPathComponent(file).path
    let trace =
      ["-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)"] + (file.isEmpty ? [] : ["-P", path])
    let program = Program(tracing: trace + ["-e", "inject=\(call):delay_enter=2000000"])
    let result = try program.run(
      [
        "bench", "boot", "-n", "1", "--warm-up", "0", "--kernel", BareGuest.path("hello"), "--json",
        folder.path("a.json"), "--", "--cpus", "2",
      ], limit: patience)
    #expect(result.status == 0, "\(result.error)")
    let boot = try #require(try folder.document("a.json").contestants.first)
    let longest = try Self.longest(boot, run: 0)
    #expect(longest.name == late && longest.time >= 2e9, "\(boot.series.map { ($0.name, $0.values) })")
  }

  /// So is what the guest does between two of its marks, and before its end. All of it together is what a shell that
  /// starts swiftlet for the benchmark sees pass, and what the benchmark and that shell take besides.
  @Test(arguments: ["mark 17", "mark 18", "guest off"]) func theGuestsTimeIsInItsPhaseAlone(late: String)
    throws
  {
    let steps = [(16, "mark 16"), (17, "mark 17"), (18, "mark 18")].map { number, name in
      (name == late ? LifecycleGuest.wait : []) + LifecycleGuest.mark(number)
    }
    let guest = try LifecycleGuest(
      Array(steps.joined()) + (late == "guest off" ? LifecycleGuest.wait : []) + LifecycleGuest.reset)
    let folder = try BenchFolder()
    let result = try Fixtures().run(
      """
      cp "$(dirname $S)/swiftlet-bench" .
      cat > swiftlet << 'END'
      #!/bin/sh
      test "$1" = boot || exec $S "$@"
      read begin rest < /proc/uptime
      $S "$@"
      status=$?
      read end rest < /proc/uptime
      echo $begin $end >> passed
      exit $status
      END
      chmod 755 swiftlet
      TMPDIR=$PWD ./swiftlet-bench boot -n 3 --warm-up 0 --kernel '\(guest.path)' --json '\(folder.path("a.json"))' > table
      cat passed
      """, limit: patience)
    #expect(result.error == "")
    let boot = try #require(try folder.document("a.json").contestants.first)
    #expect(try Self.longest(boot, run: 0).name == late, "\(boot.series.map { ($0.name, $0.values) })")

    // The first is the boot that was looked at. The clock counts hundredths of a second; the shell's own part is least in
    // the best of several boots.
    let times = result.output.split(whereSeparator: \.isWhitespace).map { 1e9 * (Double($0) ?? 0) }
    try #require(times.count == 8)
    let phases = boot.series.filter { $0.name.hasPrefix("until ") }
    let sums = (0..<3).map { run -> (sum: Double, passed: Double) in
      (phases.map { $0.values[run] }.reduce(0, +), times[2 * run + 3] - times[2 * run + 2])
    }
    #expect(sums.allSatisfy { $0.sum >= $0.passed - 2e7 }, "\(sums)")
    #expect(sums.contains { $0.sum <= 1.02 * $0.passed + 1e8 }, "\(sums)")
  }

  /// Which kernel it is may be said elsewhere than by --kernel; and a guest may end by a reset.
  @Test func theKernelThatWasBootedIsTold() throws {
    let folder = try BenchFolder()
    let guest = try LifecycleGuest(LifecycleGuest.reset)
    let result = try Program(environment: ["SWIFTLET_KERNEL": guest.path]).run([
      "bench", "boot", "-n", "1", "--warm-up", "0", "--json", folder.path("a.json"), "--", "--memory", "64M",
    ])
    #expect(result.status == 0 && result.error == "", "\(result.error)")
    let document = try folder.document("a.json")
    #expect(document.conditions.kernel == guest.path)
    let hash = try Fixtures().run("sha256sum '\(guest.path)' | cut -c 1-64").output
    #expect(document.conditions.kernelSHA256.map { $0 + "\n" } == hash)
    #expect(document.contestants[0].command.dropFirst().prefix(4) == ["boot", "--memory", "64M", "--json"])
  }

  @Test func aBootThatFailsIsTold() throws {
    let kernel = try BareGuest.path("hello")
    let missing = try Program().run(["bench", "boot", "--kernel", "/nowhere"])
    #expect(missing.status == 66)
    #expect(missing.error == "swiftlet: no such kernel: /nowhere: check the path\n")
    let status = try Program().run(["bench", "boot", "--kernel", kernel, "--", "--append", "status=3"])
    #expect(status.status == 3)
    #expect(status.error == "swiftlet: the boot ended with status 3\n")
    // A workload's own, and no reset.
    let same = try Program().run(["bench", "boot", "--kernel", kernel, "--", "--append", "status=81"])
    #expect(same.status == 81)
    let late = try Program().run(["bench", "boot", "--kernel", kernel, "--", "--time-limit", "0.001"])
    #expect(late.status == 82)
  }

  /// Each in one line, and with its status.
  @Test(
    arguments: [
      (["--bogus"], 64), (["boot", "-n", "0"], 64), (["boot", "-n", "x"], 64), (["diff", "a"], 64),
      (["compare", "--peer", "nothing"], 64), (["compare", "--peer", "a='b"], 64),
      (["compare", "--warm-up", "0"], 64),
      (["diff", "/nowhere", "/nowhere"], 66), (["diff", "/etc/passwd", "/etc/passwd"], 65),
      (["boot", "--json", "/nowhere/x"], 74), (["compare", "--kernel", "/nowhere"], 66),
      (["exits", "--count", "0"], 64), (["exits", "--guests", "/nowhere"], 66),
      (["density", "-n", "0"], 64), (["density", "--memory", "x"], 64), (["density", "--reserve", "-1"], 64),
      (["density", "--reserve", "1000000000"], 70), (["start-rate", "--duration", "0"], 64),
      (["start-rate", "--parallel", "0"], 64), (["start-rate", "--html", "/nowhere/x"], 74),
      (["io", "--turn", "0"], 64), (["io", "--guests", "/nowhere"], 66),
    ] as [([String], Int32)])
  func badInputIsOneLine(arguments: [String], status: Int32) throws {
    let result = try Program().run(["bench"] + arguments)
    #expect(result.status == status)
    #expect(result.output == "")
    #expect(
      result.error.hasPrefix("swiftlet: ") && result.error.split(separator: "\n").count == 1,
      "\(result.error)")
  }

  @Test func comparesWithWhatIsThere() throws {
    let folder = try BenchFolder()
    let up = try Built.folder("guest-kernels/linux/build", "up")
    let place = try PrivateFolder()
    // It has more processes when it is cold.
    let slow = """
      echo >> '\(folder.path("runs"))'
      if [ $(wc -l < '\(folder.path("runs"))') = 1 ]; then sleep 0.3 & sleep 0.3 & sleep 0.3 & wait; fi
      exec sleep 0.2
      """
    try slow.write(toFile: folder.path("slow"), atomically: true, encoding: .utf8)
    let result = try Program(environment: ["TMPDIR": place.path]).run([
      "bench", "compare", "-n", "5", "--seed", "1", "--kernel", up + "/bzImage", "--json",
      folder.path("c.json"),
      "--only", "process", "--only", "unshare", "--only", "swiftlet boot, bare guest", "--only", "podman",
      "--only",
      "slow", "--only", "broken", "--peer", "slow=sh \(folder.path("slow"))", "--peer",
      "broken=sh -c 'sleep 20 & echo one; echo the last line; exit 9'",
    ])
    #expect(result.status == 0, "\(result.error)")
    let document = try folder.document("c.json")
    let all = Dictionary(document.contestants.map { ($0.name, $0) }) { first, _ in first }
    #expect(all.count == 6)
    for name in ["process", "unshare", "slow", "swiftlet boot, bare guest"] {
      let contestant = try #require(all[name])
      #expect(contestant.failure == nil, "\(name)")
      #expect(contestant.values("wall").count == 5 && contestant.values("processor").count == 5)
    }
    #expect(try #require(all["slow"]?.values("wall").min()) >= 2e8)
    // One round to warm up, one that is looked at, five that are timed.
    #expect(try String(contentsOfFile: folder.path("runs"), encoding: .utf8) == "\n\n\n\n\n\n\n")
    #expect((1...2).contains(all["slow"]?.threads ?? 0))
    #expect(all["swiftlet boot, bare guest"]?.hasOwnKernel == true)
    // One that is over too soon is not seen.
    #expect((1...4).contains(all["swiftlet boot, bare guest"]?.threads ?? 1))
    #expect(all["process"]?.hasOwnKernel == false)
    // A program that a person names is not asked its version: it may do anything then.
    #expect(all["slow"]?.version == nil && all["unshare"]?.version?.contains("util-linux") == true)
    #expect(all["broken"]?.failure == "status 9: the last line")
    #expect(all["broken"]?.series.count == 0)
    #expect(result.output.contains("warning: broken left running what was ended then: sleep\n"))
    #expect(result.output.contains("broken: fails: status 9: the last line\n"))
    if FileManager.default.fileExists(atPath: "/usr/bin/podman") == false {
      #expect(result.output.contains("podman: absent: podman is not in PATH\n"))
    }
    #expect(try place.contents() == [], "left behind")
  }

  @Test func asItIsAskedToEndNothingIsLeft() throws {
    let endless = try LifecycleGuest(LifecycleGuest.spin)
    let result = try Fixtures().run(
      """
      mkdir t; TMPDIR=$PWD/t $S bench boot --kernel '\(endless.path)' &
      until ls t/swiftlet-bench-*/record > /dev/null 2>&1 || ! kill -0 $!; do sleep 0.05; done
      kill -TERM $!; wait $!; echo $?; ls t
      grep -ls "TMPDIR=$PWD/t" /proc/[0-9]*/environ | wc -l
      """)
    #expect(result.output == "143\n0\n")
    #expect(result.error == "")
  }

  /// In the middle of a container that does not end, and with a process about that its parent has left.
  @Test(arguments: [("INT", SIGINT), ("TERM", SIGTERM), ("QUIT", SIGQUIT)])
  func aComparisonThatIsAskedToEndLeavesNothing(name: String, signal: Int32) throws {
    let kernel = try BareGuest.path("hello")
    let result = try Fixtures().run(
      """
      mkdir t b; cat > b/crun << 'END'
      #!/bin/sh
      case $1 in
      spec) echo '{"ociVersion": "1", "terminal": true, "args": ["sh"], "path": "rootfs"}' > $3/config.json ;;
      run) (setsid sleep 20 &); echo > $PLACE/$4; exec sleep 60 ;;
      delete) rm $PLACE/$3 ;;
      esac
      END
      chmod 755 b/crun; export PLACE=$PWD/place; mkdir place
      TMPDIR=$PWD/t PATH=$PWD/b:$PATH env --default-signal=INT,QUIT \
        $S bench compare --only crun --base crun --kernel '\(kernel)' 2> error &
      for i in $(seq 1000); do test -e place/* && break; sleep 0.05; done
      ls place | grep -c "^swiftlet-bench-$!-crun$"
      kill -\(name) $!; wait $!; echo $?; cat error; ls t place
      grep -ls "TMPDIR=$PWD/t" /proc/[0-9]*/environ | wc -l
      """)
    #expect(result.output == "1\n\(128 + signal)\nplace:\n\nt:\n0\n")
  }

  /// What the benchmark has from who became it is not a contestant's, and a signal that it was started to ignore, as by
  /// nohup, does not end it.
  @Test func whatIsNotItsOwnIsLeftAlone() throws {
    let kernel = try BareGuest.path("hello")
    let result = try Fixtures().run(
      """
      mkdir t; trap '' HUP
      TMPDIR=$PWD/t sh -c 'sleep 100 & echo $! > other
        exec "$S" bench compare -n 1 --only process --only hanging --kernel \(kernel) \
        --peer "hanging=sh -c \\"kill -HUP \\$PPID\\""' > table
      echo $?; kill $(cat other) && echo there; grep -c '^hanging ' table; grep warning table
      """)
    #expect(
      result.output.hasPrefix("0\nthere\n1\n") && !result.output.contains("left running"), "\(result.output)")
    #expect(result.error == "")
  }

  @Test func aSlowerResultHasItsStatus() throws {
    let folder = try BenchFolder()
    func write(_ name: String, _ factor: Double, kind: String = "boot", failure: String = "null") throws {
      let values = (0..<20).map { String((100_000_000 + Double($0 * 7 % 20) * 200_000) * factor) }
      let text = """
        {"format": "swiftlet-bench", "version": 2, "kind": "\(kind)", "warnings": [],
         "conditions": {"date": "", "hostKernel": "", "processor": "", "processors": 2, "kvm": {}, "loadAtStart": 0,
         "loadAtEnd": 0, "swiftlet": "", "command": [], "runs": 20, "warmUps": 1},
         "contestants": [{"name": "boot", "command": [], "failure": \(failure), "series": [
         {"name": "wall", "unit": "nanoseconds", "values": [\(values.joined(separator: ", "))]}]}]}
        """
      try text.write(toFile: folder.path(name), atomically: true, encoding: .utf8)
    }
    try write("before", 1)
    try write("after", 1.1)
    try write("other", 1, kind: "compare")
    try write("failing", 1, failure: "\"status 9\"")
    func diff(_ before: String, _ after: String, _ options: [String] = []) throws -> Program.Result {
      try Program().run(["bench", "diff"] + options + [folder.path(before), folder.path(after)])
    }
    let slower = try diff("before", "after")
    #expect(slower.status == 1)
    #expect(slower.output.contains("1.100  0.0000  slower\n"))
    let faster = try diff("after", "before")
    #expect(faster.status == 0)
    #expect(faster.output.contains("faster\n"))
    #expect(try diff("before", "after", ["--effect", "20"]).status == 0)

    let other = try diff("before", "other")
    #expect(other.status == 65 && other.output == "")
    #expect(
      other.error.hasPrefix("swiftlet: results of boot and of compare: ")
        && other.error.split(separator: "\n").count == 1)
    let lost = try diff("before", "failing")
    #expect(lost.status == 1 && lost.output == "lost: boot: fails: status 9\n")
    let mended = try diff("failing", "before")
    #expect(mended.status == 0)
    #expect(mended.output == "note: boot: measured now; before, it fails: status 9\n")
    let nothing = try diff("failing", "failing")
    #expect(nothing.status == 65 && nothing.output == "")
  }
}
