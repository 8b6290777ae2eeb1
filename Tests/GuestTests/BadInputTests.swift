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
    Case("$S boot --kernel ''", 66, "no such kernel"),
    Case("$S boot --kernel .", 66, "kernel is a directory: .: name a file"),
    Case("$S boot --kernel fifo", 66, "kernel is not a file: fifo"),
    Case("$S boot --kernel socket", 66, "cannot open the kernel: socket"),
    Case("$S boot --kernel loop", 66, "cannot open the kernel: loop: Too many levels of symbolic links"),
    Case("$S boot --kernel /dev/zero", 66, "kernel is not a file: /dev/zero"),
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
    Case("$S inspect nowhere", 66, "no such file: nowhere"),
    Case("$S inspect .", 66, "file is a directory: ."),
  ]

  static let ramDisks = [
    Case("$S boot --kernel hello --initrd nowhere", 66, "no such initrd: nowhere: check the path"),
    Case("$S boot --kernel hello --initrd .", 66, "initrd is a directory"),
    Case("$S boot --kernel hello --initrd empty", 65, "empty initrd: empty"),
    Case(
      "truncate -s 8M large; $S boot --kernel hello --memory 8M --initrd large; e=$?; rm large; exit $e", 65,
      "initrd"),
  ]

  static let disks = [
    Case("$S boot --kernel hello --disk nowhere", 66, "no such disk: nowhere"),
    Case("$S boot --kernel hello --disk .", 66, "disk is a directory: ."),
    Case("$S boot --kernel hello --disk .,ro", 66, "disk is a directory: ."),
    Case("$S boot --kernel hello --disk empty", 65, "empty disk: empty: give it a size"),
    Case("$S boot --kernel hello --disk odd", 65, "disk of 1000 bytes, not a multiple of 512: odd"),
    Case("$S boot --kernel hello --disk fifo", 66, "disk is not a file: fifo"),
    Case("$S boot --kernel hello --disk socket", 66, "disk: socket"),
    Case("$S boot --kernel hello --disk loop", 66, "Too many levels of symbolic links"),
    Case("$S boot --kernel hello --disk /dev/null", 66, "disk is not a file: /dev/null"),
    Case("$S boot --kernel hello --disk disk --disk disk", 66, "disk: it is in use"),
    Case("$S boot --kernel hello --disk disk,ro --disk disk", 66, "disk: it is in use"),
    Case("$S boot --kernel hello --disk disk,rw", 64, "bad disk option 'rw': disk,rw: only ro and id=NAME"),
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
    Case("$S boot --kernel hello --share .,ro", 64, "bad share option 'ro': .,ro: only tag=NAME and rw"),
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
    Case(
      "$S boot --kernel hello --memory 4097K", 64, "uneven guest memory: 4195328 bytes: use a whole number"),
    Case("$S boot --kernel hello --memory 1T", 64, "too much guest memory"),
    Case("$S boot --kernel hello --memory lots", 64, "bad size: lots: write it like 128M"),
    Case("$S boot --kernel hello --memory=-1", 64, "bad size: -1"),
    Case("ulimit -v 500000; $S boot --kernel hello --memory 64G", 71, "65536 MiB: Cannot allocate memory"),
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
    Case("$S boot --time-limit 0 --kernel hello", 64, "bad time limit: 0 ns: use 0.001 seconds to 365 days"),
    Case("$S boot --kernel hello --append \"$(printf %05000d 0)\"", 64, "kernel command line too long"),
    Case(
      "$S boot --kernel hello --append \"$(printf 'a\\nb')\"", 64,
      "control character in the kernel command line"),
    Case("$S boot --kernel hello --append \"$(printf 'a\\033b')\"", 64, "a\\u{1b}b: use printable"),
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
    Case("$S boot --kernel hello >&-", 0, nil),
    Case("$S boot --kernel hello 2>&-", 0, nil),
    Case("$S boot --kernel hello --disk disk <&- >&- 2>&-", 0, nil),
    Case(
      "$S boot --kernel hello >/dev/full", 0, "console's output is lost from here on: No space left on device"
    ),
    Case("$S doctor >/dev/full", 74, "cannot write: standard output: No space left on device"),
    Case("$S inspect hello >/dev/full", 74, "cannot write: standard output: No space left on device"),
    Case("$S --help >/dev/full", 74, "cannot write: standard output: No space left on device"),
    Case(
      "cp $S alone; PATH=; ./alone boot --kernel hello; e=$?; /bin/rm alone; exit $e", 70,
      "cannot find the monitor"),
  ]

  private static let alone = "mount -t tmpfs tmpfs /mnt; cp $S $V /mnt; PATH=$PATH:/mnt; "
  private static let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups /mnt/swiftlet "
  /// A device of the same number that only root may open.
  private static let forbidden =
    "mknod -m 600 /mnt/kvm c 10 232; mount --bind /mnt/kvm /dev/kvm; "
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
      "unshare -m sh -c '\(alone)\(nobody)boot --kernel hello --disk disk'", 66,
      "no permission for the disk: disk: "),
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
      "unshare -m sh -c 'mount -t tmpfs -o ro tmpfs /mnt; XDG_CACHE_HOME=/mnt $S boot --kernel bzImage'", 0,
      nil),
    Case("XDG_CACHE_HOME=$PWD/text $S boot --kernel bzImage", 0, nil),
    Case("env -u HOME -u XDG_CACHE_HOME $S boot --kernel bzImage", 0, nil),
  ]
}
