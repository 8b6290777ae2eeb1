import Foundation
import Testing

/// `swiftlet run`: programs in machines of their own, as a person and a shell see them.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct RunTests {
  @Test func outputErrorStatusAndSurroundingsAreTheProgramsOwn() throws {
    let world = try RunWorld()
    let result = try world.run(
      ["-e", "A=b c", "-e", "FROM_HOST", "-w", "/new/place", "-u", "12:34", "--hostname", "box"],
      [
        "/bin/sh", "-c",
        """
        echo out; echo err >&2; echo $A $FROM_HOST $HOSTNAME; pwd; id; hostname; echo again > /dev/stdout
        i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo o$i; echo e$i >&2; done; exit 7
        """,
      ], environment: ["FROM_HOST": "here"])
    let turns = (1...200)
    #expect(
      result.output == "out\nb c here box\n/new/place\nuid=12 gid=34\nbox\nagain\n"
        + turns.map { "o\($0)\n" }.joined())
    #expect(result.error == "err\n" + turns.map { "e\($0)\n" }.joined())
    #expect(result.status == 7)
    #expect(try world.leftovers() == [])
  }

  /// Every byte there is, in both directions, with the end of input seen, and signals passed on in between; more than
  /// all buffers on the way hold.
  @Test func bytesPassUnharmed() throws {
    let world = try RunWorld()
    let count = runsLongTests ? 100_000_000 : 16_000_000
    let path = world.place("input")
    let pattern = Data((0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
    var input = Data()
    while input.count < count { input += pattern }
    try input.write(to: URL(fileURLWithPath: path))
    let result = try world.shell(
      """
      $S run $IMAGE -- /bin/sh -c "trap '' USR1; exec dd bs=64k 2>/dev/null" <input >output & run=$!
      until [ -s output ] || ! kill -0 $run; do sleep 0.02; done
      for n in 1 2 3 4 5; do kill -USR1 $run 2>/dev/null; sleep 0.02; done
      wait $run
      """, limit: runsLongTests ? 3000 : patience)
    #expect(result.error == "")
    #expect(result.status == 0)
    #expect(try Data(contentsOf: URL(fileURLWithPath: world.place("output"))) == input)
  }

  @Test(arguments: [
    (
      ["-u", "nobody-here"], "/bin/true", 125,
      "unknown user: nobody-here: give a number, or a name of the image's /etc/passwd"
    ),
    (
      ["-u", "root:nobody-here"], "/bin/true", 125,
      "unknown group: root:nobody-here: give a number, or a name of the image's /etc/group"
    ),
    (["-w", "/bin/true"], "/bin/true", 126, "no such working directory: /bin/true: Not a directory"),
    ([], "no-such-command", 127, "command not found: no-such-command: check its name, or the image's PATH"),
    ([], "/etc/passwd", 126, "cannot execute the command: /etc/passwd: Permission denied"),
  ])
  func whatCannotBeRunIsSaidInOneLine(options: [String], command: String, status: Int32, line: String) throws
  {
    let world = try RunWorld()
    let result = try world.run(options, [command])
    #expect(result.output == "")
    #expect(result.error == "swiftlet: \(line)\n")
    #expect(result.status == status)
  }

  /// Nothing is started for these.
  @Test(arguments: [
    ([], "swiftlet: Missing expected argument"),
    (["--speed", "9", "image"], "swiftlet: unknown option: --speed"),
    (["nowhere"], "swiftlet: no such image: nowhere"),
    (["-v", "/tmp", "image"], "swiftlet: bad volume: /tmp"),
    (["-v", "/tmp:relative", "image"], "swiftlet: bad path for the volume: relative"),
    (["-v", "/tmp:/./", "image"], "swiftlet: bad path for the volume: /./: name a folder"),
    (["--tmpfs", "/", "image"], "swiftlet: bad path for the tmpfs: /: name a folder"),
    (
      ["--writable", "new,size=8191K", "image"],
      "swiftlet: writable disk too small: 8191K: give it 8M or more"
    ),
    (["-m", "much", "image"], "swiftlet: bad size: much"),
    (["--cpus", "many", "image"], "swiftlet: The value 'many' is invalid"),
    (["--ulimit", "speed=1", "image"], "swiftlet: bad limit: speed=1"),
    (
      ["--network", "lan", "image"],
      "swiftlet: bad network 'lan': lan: write none, user, or tap=NAME with an interface's name"
    ),
    (
      ["--network", "tap=t,gateway=10.0.0.1", "image"],
      "swiftlet: a network without an address: gateway=10.0.0.1: "
    ),
    (
      ["-p", "80:80", "image"], "swiftlet: a published port without a user network: 80:80: add --network user"
    ),
    (["--env-file", "nowhere", "image"], "swiftlet: no such environment file: nowhere"),
    (["--hostname", "a b", "image"], "swiftlet: bad host name: a b"),
    (["/etc/hostname", "x"], "swiftlet: not an image: /etc/hostname"),
  ])
  func badWordsAreAnsweredInOneLine(words: [String], line: String) throws {
    let result = try Program().run(["run"] + words)
    #expect(result.status == 125)
    #expect(result.error.hasPrefix(line), "\(result.error)")
    #expect(result.error.split(separator: "\n").count == 1)
  }

  @Test func aSignalThatEndsTheProgramIsItsStatus() throws {
    let world = try RunWorld()
    let result = try world.run([], ["/bin/sh", "-c", "kill -9 $$"])
    #expect(result.error == "")
    #expect(result.status == 137)
  }

  @Test func signalsReachTheProgram() throws {
    let world = try RunWorld()
    var told = Set<Int32>()
    let result = try world.run(
      [],
      [
        "/bin/sh", "-c",
        "trap 'echo user' USR1; trap 'echo ended; exit 3' TERM; echo ready; while :; do sleep 1; done",
      ]
    ) { process, output in
      for (word, signal) in [("ready", SIGUSR1), ("user", SIGTERM)]
      where output.contains(word) && told.insert(signal).inserted { kill(process, signal) }
    }
    #expect(result.output == "ready\nuser\nended\n")
    #expect(result.error == "")
    #expect(result.status == 3)
  }

  /// What comes before there is a program waits for it, but not what the command was started to ignore.
  @Test func earlySignalsWaitForTheProgram() throws {
    let world = try RunWorld()
    let result = try world.shell(
      """
      trap '' HUP
      $S run --json result $IMAGE sleep 1000 & run=$!
      until [ -e "$XDG_RUNTIME_DIR"/swiftlet/*/lock ] || ! kill -0 $run; do sleep 0.02; done
      kill -HUP $run; kill -USR1 $run; wait $run; echo $?; grep '"ended"' result
      """)
    #expect(result.output == "138\n  \"ended\": \"killed\",\n")
    #expect(result.error == "")
  }

  /// A shell without job control has what it starts behind `&` ignore interrupts.
  @Test func whatIsSentByNameReachesTheProgramThoughItIsIgnored() throws {
    let world = try RunWorld()
    let result = try world.shell(
      """
      $S run --name box $IMAGE sh -c "trap 'echo heard; exit 3' INT; echo ready; for n in \\$(seq 60); do sleep 1; done" \
        >output & run=$!
      until grep -qs ready output || ! kill -0 $run; do sleep 0.05; done
      $S kill -s INT box; echo sent $?
      wait $run; echo ended $?; cat output
      """)
    #expect(result.output == "sent 0\nended 3\nready\nheard\n")
    #expect(result.error == "")
  }

  /// A program that does not mind interrupts is ended by the second.
  @Test func twoInterruptsEndTheMachine() throws {
    let world = try RunWorld()
    let result = try world.run([], ["/bin/sh", "-c", "trap '' INT; echo ready; sleep 1000"]) {
      process, output in
      guard output == "ready\n" else { return }
      kill(process, SIGINT)
      usleep(100_000)
      kill(process, SIGINT)
    }
    #expect(result.status == 130)
    #expect(result.error == "")
    #expect(try world.leftovers() == [])
  }

  @Test func aKilledMonitorIsTold() throws {
    let world = try RunWorld()
    let result = try world.run([], ["/bin/sh", "-c", "echo ready; sleep 1000"]) { process, output in
      if output == "ready\n", let monitor = Program.child(of: process) { kill(monitor, SIGKILL) }
    }
    #expect(result.error.hasPrefix("swiftlet: the machine is gone: signal 9 ended its monitor: by hand, or "))
    #expect(result.status == 125)
    #expect(try world.leftovers() == [])
  }

  /// Whoever kills swiftlet itself leaves no machine behind, and its folder goes with the next start.
  @Test func aKilledCommandTakesItsMachineAlong() throws {
    let world = try RunWorld()
    var monitor: pid_t?
    let result = try world.run([], ["/bin/sh", "-c", "echo ready; sleep 1000"]) { process, output in
      guard output == "ready\n" else { return }
      monitor = Program.child(of: process)
      kill(process, SIGKILL)
    }
    // As timeout(1) tells it, which dies of the same.
    #expect(result.status == SIGKILL)
    let process = try #require(monitor)
    for _ in 0..<600 where isAlive(process) { usleep(50_000) }
    #expect(!isAlive(process))
    #expect(try world.leftovers().count == 1)
    #expect(try world.run(["--time-limit", "0.1"], ["/bin/true"]).status == 124)
    #expect(try world.leftovers() == [])
  }

  /// What programs expect of a system, and control groups that do what they say.
  @Test func programsFindTheKernelsFolders() throws {
    let result = try RunWorld().run(
      [],
      [
        "/bin/sh", "-c",
        """
        cut -d' ' -f2,3 /proc/mounts; cat /sys/class/net/lo/flags; tr '\\t' ' ' < /etc/hosts
        cd /sys/fs/cgroup; echo +pids > cgroup.subtree_control; mkdir few; echo 1 > few/pids.max
        (echo 0 > few/cgroup.procs; ls; echo not reached)
        """,
      ])
    let lines = Set(result.output.split(separator: "\n").map(String.init))
    #expect(
      lines.isSuperset(of: [
        "/ overlay", "/proc proc", "/sys sysfs", "/sys/fs/cgroup cgroup2", "/dev devtmpfs", "/dev/pts devpts",
        "/dev/shm tmpfs", "0x9", "127.0.0.1 localhost", "127.0.1.1 swiftlet",
      ]), "\(result.output)")
    #expect(!lines.contains("not reached"))
    #expect(result.error.contains("can't fork"), "\(result.error)")
  }

  /// A directory becomes an image; what is named of the host is read, or written where that was asked for.
  @Test func volumesAreReadOnlyUnlessAskedFor() throws {
    let world = try RunWorld()
    try FileManager.default.createDirectory(atPath: world.place("docs"), withIntermediateDirectories: true)
    try Data("contents\n".utf8).write(to: URL(fileURLWithPath: world.place("docs/file")))
    let result = try world.run(
      [
        "-v", "\(world.place("docs")):/read", "-v", "\(world.place("docs")):/a/deep/place:rw", "--read-only",
        "--tmpfs", "/tmp",
      ],
      [
        "/bin/sh", "-c",
        """
        cat /read/file; for place in /read /a/deep/place /tmp /etc; do \
        (echo written > $place/new) 2>/dev/null && echo $place; done; exit 0
        """,
      ])
    #expect(result.output == "contents\n/a/deep/place\n/tmp\n")
    #expect(result.error == "")
    #expect(try String(contentsOfFile: world.place("docs/new"), encoding: .utf8) == "written\n")
  }

  /// One small root in images of several kinds; `make examples` has Debian's too.
  private func expectTheSame(inImage name: String, after commands: String) throws {
    let world = try RunWorld()
    let result = try world.shell(
      """
      mkdir -p root/bin; cp /bin/busybox root/bin; ln -s busybox root/bin/sh
      { \(commands)
      } >log 2>&1 || cat log
      XDG_CACHE_HOME=$PWD/cache exec $S run \(name) -- /bin/sh -c 'echo out; echo err >&2; echo >/new; exit 7'
      """)
    #expect(result.output == "out\n")
    #expect(result.error == "err\n")
    #expect(result.status == 7)
    #expect(try world.leftovers() == [])
  }

  @Test(arguments: [
    ("./root", "true"), ("disk.ext4", "PATH=$PATH:/usr/sbin:/sbin mke2fs -t ext4 -d root disk.ext4 8M"),
    (
      "docker-archive:saved.tar",
      """
      tar -cf layer.tar -C root .; digest=$(sha256sum <layer.tar | cut -d ' ' -f 1)
      echo '{"os": "linux", "architecture": "amd64", "config": {},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:'$digest'"]}}' > config.json
      echo '[{"Config": "config.json", "RepoTags": ["small:1"], "Layers": ["layer.tar"]}]' > manifest.json
      tar -cf saved.tar manifest.json config.json layer.tar
      """
    ),
  ])
  func imagesOfEachKindRun(name: String, commands: String) throws {
    try expectTheSame(inImage: name, after: commands)
  }

  @Test(
    .enabled(if: access("/usr/bin/umoci", X_OK) == 0 && geteuid() == 0, "umoci makes the layout, as root"))
  func aLayoutOfUmociRuns() throws {
    try expectTheSame(
      inImage: "oci:layout:small",
      after:
        "umoci init --layout layout; umoci new --image layout:small; umoci insert --image layout:small root /"
    )
  }

  /// What one machine writes, the next one finds, on a disk that is whole.
  @Test func aWritableDiskKeepsWhatIsWritten() throws {
    let world = try RunWorld()
    let disk = world.place("disk.ext4")
    let first = try world.run(["--writable", "\(disk),size=32M"], ["/bin/sh", "-c", "echo kept > /etc/new"])
    #expect(first.error == "")
    #expect(first.status == 0)
    let check = try world.shell("PATH=$PATH:/sbin:/usr/sbin; e2fsck -fn disk.ext4; dumpe2fs -h disk.ext4")
    #expect(check.output.contains("Filesystem state:         clean\n"), "\(check.output)")
    #expect(!check.output.contains("needs_recovery"), "\(check.output)")
    let second = try world.run(["--writable", disk], ["/bin/cat", "/etc/new", "/etc/passwd"])
    #expect(second.output == "kept\nroot:x:0:0:root:/root:/bin/sh\n")
    #expect(second.error == "")
  }

  /// One that waits for a disk that takes nothing, and cannot be killed.
  @Test func aStuckProcessDoesNotHoldTheEnd() throws {
    let world = try RunWorld()
    let result = try world.run(
      ["--writable", "\(world.place("disk.ext4")),size=32M"],
      [
        "/bin/sh", "-c",
        """
        mkdir /disk; mount -t ext4 /dev/vdb /disk; fsfreeze --freeze /disk; echo frozen
        (echo >/disk/file) & until grep -q State:.D /proc/$!/status; do :; done; exit 4
        """,
      ])
    #expect(result.output == "frozen\n")
    #expect(result.error == "")
    #expect(result.status == 4)
  }

  /// By passt, which is gone with the machine.
  @Test(.enabled(if: access("/usr/bin/passt", X_OK) == 0 && access("/usr/bin/curl", X_OK) == 0))
  func aPortOfTheHostLeadsInside() throws {
    let world = try RunWorld()
    let address = "127.0.0.1:\(20_000 + getpid() % 20_000)"
    let result = try world.shell(
      """
      mkdir www etc; echo a page > www/index.html; echo mine > etc/resolv.conf
      $S run -d --name web --network user -p \(address):80 -v "$PWD/etc:/mnt/etc:rw" -v "$PWD/www:/www" --tmpfs /a \
        -v "$PWD/etc:/etc:rw" $IMAGE httpd -f -h /www
      curl -s --max-time 100 --retry 20 --retry-all-errors http://\(address)/
      $S inspect web | grep -o '[a-z]*:/[^ ,]*:r.'
      $S stop web; cat etc/resolv.conf; ls etc
      """)
    // What the machine writes for itself is not written into what is the user's.
    #expect(
      result.output == "web\na page\netc:/mnt/etc:rw\nwww:/www:ro\netc:/etc:rw\nmine\nresolv.conf\n")
    #expect(result.error == "")
    #expect(try world.leftovers() == [])
    for _ in 0..<200 where world.processes() != [] { usleep(50_000) }
    #expect(world.processes() == [])
  }

  @Test func theLimitIsToldAlsoWhereTheEndsOfChildrenAreIgnored() throws {
    let world = try RunWorld()
    let result = try world.shell("env --ignore-signal=CHLD $S run --time-limit 0.1 $IMAGE true; echo $?")
    #expect(result.output == "124\n")
    #expect(result.error.hasPrefix("swiftlet: "))
  }

  /// Readers that go are told as by a pipe: to who does not know by a signal, to who ignores that by every write.
  @Test func readersThatGoAreToldAsByAPipe() throws {
    let world = try RunWorld()
    let result = try world.shell(
      """
      mkfifo errors; head -n 1 <errors >first &
      { $S run $IMAGE sh -c "yes; [ \\$? = 141 ] || exit 1; trap '' PIPE; while echo y; do :; done 2>/dev/null
      while echo y >&2; do :; done; exit 6" 2>errors; echo $? >status; } | head -n 1; cat first status
      """)
    #expect(result.output == "y\ny\n6\n")
    #expect(result.error == "")
  }

  /// The program is told, and so is the person: the status is not that of success.
  @Test func outputThatIsLostIsNoSuccess() throws {
    let world = try RunWorld()
    let result = try world.shell(
      """
      $S run $IMAGE sh -c "trap '' PIPE; while echo y; do :; done 2>/dev/null" >/dev/full; echo $?
      """)
    #expect(result.output == "125\n")
    #expect(
      result.error == "swiftlet: the program's output is lost: standard output: No space left on device\n")
  }
}
