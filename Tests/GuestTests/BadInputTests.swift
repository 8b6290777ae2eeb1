import Foundation
import Testing

/// What people give by mistake, to the real programs: one clear line, the documented status, and nothing of theirs changed.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"))
struct BadInputTests {
  /// One line of shell in the folder of ``Fixtures``, and what it must end with.
  struct Case: CustomTestStringConvertible, Sendable {
    let command: String
    let status: Int32
    /// What standard error must hold beside the program's name, on its only line; nil where it must be empty.
    let says: String?

    init(_ command: String, _ status: Int32, _ says: String?) {
      (self.command, self.status, self.says) = (command, status, says)
    }

    var testDescription: String { command }
  }

  @Test(arguments: kernels + ramDisks + disks + shares) func filesAreRefused(_ example: Case) throws {
    try check(example)
  }

  @Test(arguments: options + configurations) func optionsAreRefused(_ example: Case) throws {
    try check(example)
  }

  @Test(arguments: streams) func streamsMayBeClosedOrFull(_ example: Case) throws { try check(example) }

  @Test(.enabled(if: getuid() == 0, "only root can drop privileges and mount"), arguments: privileged)
  func hostsThatRefuseAreNamed(_ example: Case) throws { try check(example) }

  @Test func aDiskOfAnotherMachineIsRefused() throws {
    let exits = try BareGuest.path("exits")
    let result = try Fixtures().run(
      """
      $S boot --kernel \(exits) --append n=4000000000 --disk disk > /dev/null 2>&1 & other=$!
      until grep -q ":$(stat -c %i disk) " /proc/locks; do kill -0 $other || exit; done
      $S boot --kernel hello --disk disk; status=$?
      $S boot --kernel hello --disk disk,ro; second=$?
      kill -9 $other; wait $other
      $S boot --kernel hello --disk disk && [ $status = $second ] && exit $status
      """)
    #expect(result.status == 66)
    let lines = result.error.split(separator: "\n").filter { $0.contains("swiftlet: ") }
    #expect(lines.count == 2 && lines.allSatisfy { $0.contains("disk: it is in use by another") }, "\(lines)")
    #expect(result.output == "hello from a bare guest\n")
  }

  @Test func aShortageOfDescriptorsIsNamed() throws {
    let result = try Fixtures().run(
      "for n in $(seq 5 16); do sh -c \"ulimit -n $n; exec $S boot --kernel hello\" > /dev/null; echo $?; done"
    )
    let statuses = result.output.split(separator: "\n")
    #expect(statuses.count == 12 && statuses.allSatisfy { $0 == "71" || $0 == "0" }, "\(result.error)")
    #expect(result.error.contains("\nswiftlet: cannot open KVM: /dev/kvm: Too many open files\n"))
    let lines = result.error.split(separator: "\n")
    #expect(lines.allSatisfy { $0.hasSuffix(": Too many open files") }, "\(lines)")
  }

  @Test(arguments: [("up", 2, true), ("up", 1, false), ("smp", 2, false)])
  func aKernelForOneProcessorIsNamed(_ flavour: String, _ processors: Int, _ isTold: Bool) throws {
    let kernel = try Built.folder("guest-kernels/linux/build", flavour) + "/vmlinux"
    let result = try Fixtures().run("$S boot --kernel \(kernel) --cpus \(processors) --time-limit 0.01")
    #expect(result.status == 82)
    let line = "swiftlet: \(kernel) is built without CONFIG_SMP: it runs on one of the 2 processors\n"
    #expect(result.error == (isTold ? line : "") + "swiftlet: the time limit passed\n")
  }

  private func check(_ example: Case) throws {
    let fixtures = try Fixtures()
    let before = try fixtures.contents()
    let result = try fixtures.run(example.command)
    #expect(result.status == example.status, "\(result.error)")
    if let says = example.says {
      let lines = result.error.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.count == 2 && lines.last == "", "\(result.error)")
      #expect(result.error.hasPrefix("swiftlet: "))
      #expect(result.error.contains(says), "\(result.error)")
    } else {
      #expect(result.error == "")
    }
    #expect(try fixtures.contents() == before)
  }

  static let kernels = [
    Case("$S boot --kernel nowhere", 66, "no such kernel: nowhere: check the path"),
    Case("$S boot --kernel hello/x", 66, "no such kernel: hello/x"),
    Case("$S boot --kernel ''", 64, "empty kernel path: name a file"),
    Case("$S boot --kernel .", 66, "kernel is a directory: .: name a file"),
    Case("$S boot --kernel fifo", 66, "kernel is a named pipe: fifo: name a regular file"),
    Case("$S boot --kernel socket", 66, "cannot open the kernel: socket"),
    Case("$S boot --kernel loop", 66, "cannot open the kernel: loop: Too many levels of symbolic links"),
    Case("$S boot --kernel /dev/zero", 66, "kernel is a device: /dev/zero"),
    Case("$S boot --kernel empty", 65, "bad kernel: empty: "),
    Case("$S boot --kernel zeros", 65, "bad kernel: zeros: "),
    Case("$S boot --kernel text", 65, "bad kernel: text: "),
    Case("$S boot --kernel elf32", 65, "bad kernel: elf32: "),
    Case("$S boot --kernel arm64", 65, "bad kernel: arm64: "),
    Case("$S boot --kernel cut-elf", 65, "cut-elf: "),
    Case("$S boot --kernel cut-header", 65, "bad kernel: cut-header: "),
    Case("$S boot --kernel cut-bzImage", 65, "bad kernel: cut-bzImage: "),
    Case("$S boot --kernel corrupt-bzImage", 65, "bad kernel: corrupt-bzImage: is packed with gzip, but the"),
    Case("$S boot --kernel big --memory 4M", 65, "big: "),
    Case("SWIFTLET_KERNEL=nowhere $S boot", 66, "no such kernel: nowhere"),
    Case("$S inspect nowhere", 66, "no such file or machine: nowhere: check the path; swiftlet ps tells"),
    Case("$S inspect .", 66, "file is a directory: ."),
    Case("$S inspect fifo", 66, "file is a named pipe: fifo"),
    Case("$S inspect ''", 64, "empty file path: name a file"),
    Case(
      "$S inspect text", 65,
      "unknown file: text: is nothing known: neither a kernel, an initrd nor a disk image"),
    Case("$S inspect empty", 65, "bad kernel: empty: "),
  ]

  static let ramDisks = [
    Case("$S boot --kernel hello --initrd nowhere", 66, "no such initrd: nowhere: check the path"),
    Case("$S boot --kernel hello --initrd .", 66, "initrd is a directory"),
    Case("$S boot --kernel hello --initrd empty", 65, "empty initrd: empty"),
    Case(
      "truncate -s 8M large; $S boot --kernel hello --memory 8M --initrd large; e=$?; rm large; exit $e", 65,
      "swiftlet: cannot boot: large: the initrd of 8 MiB does not fit"),
  ]

  static let disks = [
    Case("$S boot --kernel hello --disk nowhere", 66, "no such disk: nowhere"),
    Case("$S boot --kernel hello --disk .", 66, "disk is a directory: ."),
    Case("$S boot --kernel hello --disk .,ro", 66, "disk is a directory: ."),
    Case("$S boot --kernel hello --disk empty", 65, "empty disk: empty: give it a size"),
    Case("$S boot --kernel hello --disk odd", 0, nil),
    Case("$S boot --kernel hello --disk odd,direct,engine=io_uring", 0, nil),
    Case(
      "$S boot --kernel hello --disk disk,engine=aio", 64,
      "bad disk engine 'aio': disk,engine=aio: use sync or"),
    Case(
      "$S boot --kernel hello --disk disk,iops=many", 64, "bad iops 'many': disk,iops=many: give operations"),
    Case("$S boot --kernel hello --disk disk,iops=0", 64, "bad rate limit: 0 a second: use at least 1"),
    Case("$S boot --kernel hello --disk disk,bandwidth=fast", 64, "bad size: fast"),
    Case("$S boot --kernel hello --disk fifo", 66, "disk is a named pipe: fifo"),
    Case("$S boot --kernel hello --disk socket", 66, "disk: socket"),
    Case("$S boot --kernel hello --disk loop", 66, "Too many levels of symbolic links"),
    Case("$S boot --kernel hello --disk /dev/null", 66, "disk is a device: /dev/null"),
    Case("$S boot --kernel hello --disk disk --disk ./disk", 66, "disk named twice: ./disk: name it once"),
    Case("$S boot --kernel hello --disk disk,ro --disk disk", 66, "disk named twice: disk: name it once"),
    Case("$S boot --kernel hello --disk disk,ro --disk disk,ro", 0, nil),
    Case("$S boot --kernel hello --disk disk,ro,ro", 64, "disk option 'ro' given twice: disk,ro,ro"),
    Case(
      "$S boot --kernel hello --disk qcow2,ro", 65, "disk is a qcow2 image, not a raw one: qcow2: convert"),
    Case(
      "$S boot --kernel hello --disk packed", 65, "disk is a gzip stream, not a raw image: packed: unpack"),
    Case("$S boot --kernel hello --disk packed,ro", 0, nil),
    Case("$S boot --kernel hello --disk disk,rw", 64, "bad disk option 'rw': disk,rw: only ro, id=NAME,"),
    Case("$S boot --kernel hello --disk ''", 64, "empty disk path"),
    Case("$S boot --kernel hello --disk disk,id=123456789012345678901", 64, "bad disk identifier"),
    Case("$S boot --kernel hello --disk disk,id=a --disk zeros,id=a", 64, "two disks with one identifier: a"),
    Case("$S boot --kernel hello $(printf -- '--disk disk,ro %.0s' $(seq 16))", 64, "too many disks: 16"),
  ]

  static let shares = [
    Case("$S boot --kernel hello --share nowhere", 66, "no such share: nowhere"),
    Case("$S boot --kernel hello --share disk", 66, "share is not a directory: disk"),
    Case("$S boot --kernel hello --share fifo", 66, "share is not a directory: fifo"),
    Case("$S boot --kernel hello --share disk/x", 66, "no such share: disk/x"),
    Case("$S boot --kernel hello --share ''", 64, "empty share path"),
    Case(
      "$S boot --kernel hello --share .,no", 64, "bad share option 'no': .,no: only tag=NAME and ro or rw"),
    Case("$S boot --kernel hello --share .,tag=", 64, "bad share tag: use 1 to 36 printable"),
    Case(
      "$S boot --kernel hello --share .,tag=1234567890123456789012345678901234567", 64,
      "bad share tag: 1234567890123456789012345678901234567: use 1 to 36"),
    Case(
      "$S boot --kernel hello --share .,tag=a --share .,tag=a,rw", 64,
      "two shares with one tag: a: give each its own with tag=NAME"),
    Case("$S boot --kernel hello --share . --share /,tag=share0", 64, "two shares with one tag: share0"),
    Case(
      "$S boot --kernel hello $(printf -- '--share . %.0s' $(seq 9))", 64, "too many shares: 9: use at most 8"
    ),
    Case("$S boot --kernel hello --share . --share .,rw,tag=same", 0, nil),
  ]

  private static let memory = "too little guest memory: "
  static let options = [
    Case("$S boot --kernel hello --memory 0", 64, memory + "0 bytes: use 4MiB to 512GiB"),
    Case("$S boot --kernel hello --memory 3M", 64, memory),
    Case("$S boot --kernel hello --memory 1", 64, memory + "1 byte: use"),
    Case("$S boot --kernel hello --memory -1", 64, "bad size: -1: write it like 128M"),
    Case("$S boot --kernel hello --cpus -1", 64, "bad number of CPUs: -1: use 1 to 254"),
    Case("$S boot --kernel hello --time-limit -1", 64, "bad time limit: -1: write seconds"),
    Case("$S boot --kernel hello --append '-- sh'", 0, nil),
    Case("$S boot --kernel hello --memory 4M --memory 8M", 64, "option given twice: --memory: give it once"),
    Case(
      "$S boot --kernel hello --memory 4097K", 64, "uneven guest memory: 4195328 bytes: use a whole number"),
    Case("$S boot --kernel hello --memory 1T", 64, "too much guest memory"),
    Case("$S boot --kernel hello --memory lots", 64, "bad size: lots: write it like 128M"),
    Case("$S boot --kernel hello --memory=-1", 64, "bad size: -1"),
    Case("ulimit -v 500000; $S boot --kernel hello --memory 64G", 71, "65536 MiB: Cannot allocate memory"),
    Case("$S boot --kernel hello --balloon lots", 64, "bad size: lots"),
    Case(
      "$S boot --kernel hello --balloon 64M,oom", 64,
      "bad balloon option 'oom': 64M,oom: only deflate-on-oom, reporting, stats=SECONDS (from 1) and control=FIFO may"
    ),
    Case(
      "$S boot --kernel hello --balloon 128M", 64,
      "the balloon takes all of the guest's memory: 128 of 128 MiB: make it smaller, or give the guest more memory"
    ),
    Case("$S boot --kernel hello --balloon 1000", 64, "uneven balloon: 1000 bytes: use a multiple of 4 KiB"),
    Case("$S boot --kernel hello --balloon 0,control=nowhere", 66, "no such balloon control: nowhere"),
    Case(
      "$S boot --kernel hello --balloon 0,control=disk", 66, "balloon control is no named pipe: disk: make"),
    Case("$S boot --kernel hello --balloon 0,stats=90000", 64, "bad interval of the balloon's statistics"),
    Case("$S boot --kernel hello --cpus 0", 64, "bad number of CPUs: 0: use 1 to 254"),
    Case("$S boot --kernel hello --cpus 255", 64, "bad number of CPUs: 255"),
    Case(
      "$S boot --kernel hello --cpus two", 64, "'two' is invalid for '--cpus <n>': see swiftlet boot --help"),
    Case("$S boot --nonsense", 64, "Unknown option '--nonsense': see swiftlet boot --help"),
    Case("$S boot --memory", 64, "Missing value for '--memory <size>': see swiftlet boot --help"),
    Case("$S boot extra", 64, "'extra': see swiftlet boot --help"),
    Case("$S nonsense", 64, "'nonsense': see swiftlet --help"),
    Case("$S boot --console vga", 64, "--console <device>"),
    Case(
      "$S boot --time-limit soon --kernel hello", 64, "bad time limit: soon: write seconds, like 10 or 0.5"),
    Case(
      "$S boot --time-limit 0 --kernel hello", 64, "bad time limit: 0 seconds: use 0.001 seconds to 365 days"),
    Case("$S boot --kernel hello --port data", 64, "bad port: data: write NAME=PATH"),
    Case("$S boot --kernel hello --port a/b=p", 64, "bad port name: a/b: use 1 to 64 letters"),
    Case("$S boot --kernel hello --port =p", 64, "bad port name: use 1 to 64 letters"),
    Case("$S boot --kernel hello --port a=", 64, "empty port path"),
    Case("$S boot --kernel hello --port a=$(printf %0108d 0)", 64, "port path too long"),
    Case("$S boot --kernel hello --port a=p --port a=q", 64, "two ports with one name: a: give each its own"),
    Case("$S boot --kernel hello --port a=p --port b=p", 64, "two sockets at one path: p: give each its own"),
    Case("$S boot --kernel hello --port a=p --vsock p", 64, "two sockets at one path: p"),
    Case(
      "$S boot --kernel hello $(for n in $(seq 31); do printf -- '--port n%d=p%d ' $n $n; done)", 64,
      "too many ports: 31: use at most 30"),
    Case(
      "$S boot --kernel hello --port a=text", 66,
      "cannot make the socket of port a: text: it exists and is no socket: remove it, or name another path"),
    Case("$S boot --kernel hello --port a=fifo", 66, "cannot make the socket of port a: fifo: it exists"),
    Case("$S boot --kernel hello --port a=nowhere/p", 66, "of port a: nowhere/p: No such file or directory"),
    Case("$S boot --kernel hello --port a=p --port b=text", 66, "cannot make the socket of port b: text"),
    Case("$S boot --kernel hello --port a=p --console none", 0, nil),
    Case("$S boot --kernel hello --append \"$(printf %05000d 0)\"", 64, "kernel command line too long"),
    Case(
      "$S boot --kernel hello --append \"$(printf 'a\\nb')\"", 64,
      "control character in the kernel command line"),
    Case("$S boot --kernel hello --append \"$(printf 'a\\033b')\"", 64, "a\\u{1b}b: use printable"),
    Case("$S boot --kernel hello --net wifi", 64, "bad network 'wifi': wifi: write user, or tap=NAME"),
    Case(
      "$S boot --kernel hello --net user,speed=9", 64, "bad network option 'speed=9': user,speed=9: only mac="
    ),
    Case(
      "$S boot --kernel hello --net user --net tap=t0,ip=10.0.0.2/24", 64,
      "two networks with an address: --net: the kernel is told of one: leave ip= out"),
    Case("$S boot --kernel hello --net tap=a/b", 64, "bad name of a network interface: a/b: use 1 to 15"),
    Case("$S boot --kernel hello --net user,mtu=60", 64, "bad MTU: 60: use 68 to 65535"),
    Case(
      "$S boot --kernel hello --net user,mac=01:00:00:00:00:01", 64, "MAC address that no card can have: 01:"),
    Case("$S boot --kernel hello --net user --net user", 64, "two user networks: --net user: one is enough"),
    Case("$S boot --kernel hello -p 8080:80", 64, "without a user network: 8080:80: add --net user"),
    Case(
      "$S boot --kernel hello -p 8080:80 --net tap=lo", 64, "without a user network: 8080:80: add --net user"),
    Case(
      "$S boot --kernel hello --net user -p http", 64, "bad published port: http: write [ADDRESS:]HOSTPORT"),
    Case(
      "$S boot --kernel hello --net user -p ::1:80:80", 64, "bad address to publish at: ::1:80:80: give one"),
    Case(
      "PATH=/nowhere $S boot --kernel hello --net user", 66,
      "cannot find passt, which --net user needs: install"),
    Case("$V", 64, "use `swiftlet boot`"),
    Case("$V --description-fd 3", 70, "cannot read the machine description: descriptor 3"),
    Case("$V --description-fd 3 3< zeros", 70, "machine description"),
  ]

  static let configurations = [
    Case("$S boot --config nowhere", 66, "no such configuration file: nowhere"),
    Case("$S boot --config .", 66, "configuration file is a directory"),
    Case("$S boot --config empty", 65, "configuration file: empty: is not JSON"),
    Case(
      "$S boot --config broken.json", 65, "configuration file: broken.json: is not JSON; check its quotes"),
    Case(
      "$S boot --config field.json", 65,
      "field.json: uses what is not supported: boot-source.speed; remove it"),
    Case("$S boot --config nul.json", 64, "control character in the kernel command line: a\\u{0}b"),
  ]

  static let streams = [
    Case("$S boot --kernel hello <&-", 0, nil),
    Case("$S boot --kernel hello >&-", 0, "the console's output is lost: standard output is closed"),
    Case("$S boot --kernel hello --console none >&-", 0, nil),
    Case("$S boot --kernel hello 2>&-", 0, nil),
    Case("$S boot --kernel hello --disk disk <&- >&- 2>&-", 0, nil),
    Case(
      "$S boot --kernel hello >/dev/full", 0, "console's output is lost from here on: No space left on device"
    ),
    Case("$S doctor >&-", 74, "cannot write: standard output: it is closed"),
    Case("$S inspect hello >&-", 74, "cannot write: standard output: it is closed"),
    Case("$S --help >&-", 74, "cannot write: standard output: it is closed"),
    Case("$S doctor >/dev/full", 74, "cannot write: standard output: No space left on device"),
    Case("$S inspect hello >/dev/full", 74, "cannot write: standard output: No space left on device"),
    Case("$S --help >/dev/full", 74, "cannot write: standard output: No space left on device"),
    Case(
      "cp $S alone; PATH=; ./alone boot --kernel hello; e=$?; /bin/rm alone; exit $e", 70,
      "cannot find the monitor"),
  ]

  private static let alone = "mount -t tmpfs tmpfs /mnt; cp $S $V /mnt; PATH=$PATH:/mnt; "
  private static let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups /mnt/swiftlet "
  /// A device of the same number that only root may open, or everyone.
  private static let forbidden =
    "mknod -m 600 /mnt/kvm c 10 232; mount --bind /mnt/kvm /dev/kvm; "
  private static let allowed = "mknod -m 666 /mnt/kvm c 10 232; mount --bind /mnt/kvm /dev/kvm; "
  private static func taps(_ mode: String) -> String {
    "mknod -m \(mode) /mnt/tun c 10 200; mount --bind /mnt/tun /dev/net/tun; "
  }
  private static let cache = "mount -t tmpfs -o size=4k,mode=0700 tmpfs /mnt; XDG_CACHE_HOME=/mnt $S "
  static let privileged = [
    Case(
      "unshare -m sh -c 'mount --bind /dev/null /dev/kvm; $S boot --kernel hello'", 69,
      "cannot use KVM: /dev/kvm"),
    Case(
      "unshare -m sh -c 'mount -t tmpfs tmpfs /dev; $S boot --kernel hello'", 69,
      "cannot use KVM: /dev/kvm: No such"),
    Case(
      "unshare -m sh -c '\(alone)\(forbidden)\(nobody)boot --kernel hello'", 69,
      "cannot use KVM: /dev/kvm: Permission denied"),
    Case(
      "unshare -m sh -c '\(alone)\(nobody)boot --kernel private'", 66,
      "no permission for the kernel: private: make it"),
    Case(
      "unshare -m sh -c '\(alone)mkdir -m 700 /mnt/own; ln -s own/kernel /mnt/link; \(nobody)boot --kernel /mnt/link'",
      66, "no permission for the kernel: /mnt/link: this user may not search /mnt/own: chmod o+x it"),
    Case(
      "unshare -m sh -c '\(alone)mkdir -m 700 /mnt/own; \(nobody)images inspect /mnt/own/image'",
      66, "no permission for the image: /mnt/own/image: this user may not search /mnt/own: chmod o+x it"),
    Case(
      "unshare -m sh -c '\(alone)\(allowed)prlimit --nproc=1 \(nobody)boot --kernel hello'",
      71, "unavailable: allow it more tasks, by pids= of the control group or ulimit -u"),
    Case(
      "unshare -m sh -c '\(alone)\(nobody)boot --kernel hello --disk disk'", 66,
      "no permission for the disk: disk: "),
    Case(
      "unshare -m sh -c '\(alone)\(taps("666"))\(nobody)boot --kernel hello --net tap=new0'", 66,
      "no such tap, and no permission to make one: new0: as root: ip tuntap add new0 mode tap user NAME"),
    Case(
      "unshare -m sh -c '\(alone)\(taps("600"))\(nobody)boot --kernel hello --net tap=new0'", 66,
      "no permission for taps: /dev/net/tun: let this user read and write it, or use --net user"),
    Case(
      "unshare -m sh -c 'mount -t tmpfs tmpfs /dev; $S boot --kernel hello --net tap=new0'", 66,
      "this host has no taps: /dev/net/tun: as root: modprobe tun"),
    Case(
      "unshare -m sh -c 'mount --bind . /mnt; mount -o remount,bind,ro /mnt; $S boot --kernel hello --disk /mnt/disk'",
      66, "disk on a read-only file system: /mnt/disk: add ,ro"),
    Case(
      "unshare -m sh -c '\(alone)mkdir -m 700 /mnt/own; \(nobody)boot --kernel hello --share /mnt/own'", 66,
      "no permission for the share: /mnt/own: it must be readable and searchable"),
    Case(
      "unshare -m sh -c '\(alone)mkdir -m 755 /mnt/own; \(nobody)boot --kernel hello --share /mnt/own,rw'",
      66,
      "no permission for the share: /mnt/own: change its permissions, or leave ,rw out"),
    Case(
      "unshare -m sh -c 'mount --bind . /mnt; mount -o remount,bind,ro /mnt; $S boot --kernel hello --share /mnt,rw'",
      66, "share on a read-only file system: /mnt: leave ,rw out"),
    Case("unshare -m sh -c '\(cache)boot --kernel bzImage'", 0, nil),
    Case(
      "unshare -m sh -c 'mount -t ramfs ramfs /mnt; cp disk /mnt; $S boot --kernel hello --disk /mnt/disk,direct'",
      66, "/mnt/disk: its file system has no direct transfers: leave `direct` out"),
    Case(
      "unshare -m sh -c 'mount -t tmpfs -o ro tmpfs /mnt; XDG_CACHE_HOME=/mnt $S boot --kernel bzImage'", 0,
      nil),
    Case("XDG_CACHE_HOME=$PWD/text $S boot --kernel bzImage", 0, nil),
    Case("env -u HOME -u XDG_CACHE_HOME $S boot --kernel bzImage", 0, nil),
  ]
}
