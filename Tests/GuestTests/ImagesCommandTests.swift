import ArchiveFakes
import Foundation
import Testing

/// `swiftlet images`, as a person types it.
struct ImagesCommandTests {
  private static let make = """
    export XDG_CACHE_HOME=$PWD/cache; mkdir -p root/etc; echo hello > root/etc/motd
    """

  private func object(_ text: String) throws -> Any {
    try JSONSerialization.jsonObject(with: Data(text.utf8))
  }

  @Test func imagesAreMadeListedAndRemoved() throws {
    let fixtures = try Fixtures()
    let made = try fixtures.run("\(Self.make); $S images inspect root")
    #expect(made.status == 0 && made.error == "", "\(made.error)")
    let image = try #require(try object(made.output) as? [String: Any])
    let digest = try #require(image["digest"] as? String)
    #expect(image["format"] as? String == "erofs")
    #expect((image["config"] as? [String: Any])?["workingDirectory"] as? String == "/")

    let listed = try fixtures.run("\(Self.make); $S images --json")
    let list = try #require(try object(listed.output) as? [[String: Any]])
    #expect(list.map { $0["digest"] as? String } == [digest])
    #expect(list[0]["source"] as? String == "root")
    let lines = try fixtures.run("\(Self.make); $S images").output.split(separator: "\n")
    #expect(lines.count == 2 && lines[0].hasPrefix("DIGEST "))
    #expect(lines[1].hasPrefix("\(digest.dropFirst(7).prefix(12)) ") && lines[1].hasSuffix("  root"))

    for name in [digest.prefix(15), digest.dropFirst(7).prefix(12)] {
      #expect(try fixtures.run("\(Self.make); $S images inspect \(name)").output == made.output)
    }
    // A file of that name is another image.
    let other = try fixtures.run(
      "\(Self.make); name=\(digest.dropFirst(7).prefix(12)); mkdir $name && $S images inspect $name; rm -r $name"
    )
    let second = try #require((try object(other.output) as? [String: Any])?["digest"] as? String)
    #expect(second != digest)
    let removed = try fixtures.run("\(Self.make); $S images rm \(second.dropFirst(7).prefix(12))")
    #expect(removed.status == 0 && removed.output + removed.error == "")
    #expect(try fixtures.run("\(Self.make); $S images prune").output == "")
    let pruned = try fixtures.run("\(Self.make); $S images prune --all")
    #expect(pruned.output == "\(digest)\n")
    #expect(pruned.error.hasPrefix("swiftlet: removed 1 image, 0."), "\(pruned.error)")
    #expect(
      try fixtures.run("ls -A cache/swiftlet/images cache/swiftlet/images/names").output.contains("\(digest)")
        == false)
    #expect(try fixtures.run("\(Self.make); $S images --json").output.filter { !$0.isWhitespace } == "[]")
  }

  @Test(arguments: [
    ("images inspect missing", 66, "no such image: missing: check the path"),
    ("images inspect odd", 65, "not an image: odd: give a directory"),
    ("images inspect oci:missing", 66, "no such image: oci:missing: check the path"),
    ("images inspect oci:root/etc/motd", 66, "no such image: oci:root/etc/motd: check the path"),
    ("images inspect oci:root", 65, "index.json is missing: oci:root: "),
    ("images inspect 0123456789ab", 66, "no such image: 0123456789ab: swiftlet images lists"),
    ("images inspect sha256:0", 66, "no such image: sha256:0: swiftlet images lists"),
    ("images inspect docker-daemon:x", 64, "images cannot be had by 'docker-daemon:'"),
    ("images inspect fifo", 66, "neither a directory nor a file: fifo"),
    ("images rm 1234", 66, "no such image: 1234"),
    ("images prune --older-than soon", 64, "bad time: soon: write one like"),
    ("images prune --all --older-than 1d", 64, "--all and --older-than: give one"),
  ])
  func mistakesGetOneLine(_ arguments: String, _ status: Int32, _ line: String) throws {
    let result = try Fixtures().run("\(Self.make); $S \(arguments)")
    #expect(result.status == status)
    #expect(result.output == "")
    #expect(result.error.hasPrefix("swiftlet: \(line)") && result.error.last == "\n", "\(result.error)")
    #expect(result.error.count { $0 == "\n" } == 1)
  }

  /// What is mounted in a directory is not of it: a folder and a file are empty in its image.
  @Test func mountsAreLeftOut() throws {
    let result = try Fixtures().run(
      """
      \(Self.make); mkdir root/data; echo inner > root/hosts; echo outer > other; mkdir outer; echo x > outer/x
      unshare -rm sh -ec '
        mount --bind other root/hosts; mount --bind outer root/data; $S images inspect root > image.json'
      PATH=$PATH:/usr/sbin:/sbin; fsck.erofs --extract=out cache/swiftlet/images/*/root.erofs
      cd out; find . -printf "%P %y %s\\n" | grep -v " d " | sort; ls -A data
      """)
    #expect(result.output.hasSuffix("etc/motd f 6\nhosts f 0\n"), "\(result.output) \(result.error)")
  }

  /// What takes more than a second is told where standard error is a terminal, and only there. Here one waits for another.
  @Test func whatTakesLongIsToldOnATerminal() throws {
    let world = try RunWorld()
    let pane = try TerminalPane()
    let swiftlet = Program.folder.appendingPathComponent("swiftlet").path
    let fetches =
      "#!/bin/sh\necho begun >> \(world.place("begun"))\nwhile [ ! -e \(world.place("go")) ]; do sleep 0.05; done\nexit 1\n"
    try Data(fetches.utf8).write(to: URL(fileURLWithPath: world.place("skopeo")))
    chmod(world.place("skopeo"), 0o755)
    func contents(_ name: String) throws -> String {
      try String(contentsOfFile: world.place(name), encoding: .utf8)
    }
    let image =
      "env XDG_CACHE_HOME=\(world.place("cache")) PATH=\(world.place("")):$PATH \(swiftlet) images inspect docker://example.org/a"
    try pane.enter("clear; \(image) 2> \(world.place("errors")) &")
    try pane.wait(until: "one fetches") { FileManager.default.fileExists(atPath: world.place("begun")) }
    try pane.enter("clear; \(image) 2> \(world.place("more")) & \(image); echo status $?")
    try pane.wait(for: "waiting for another swiftlet")
    try Data().write(to: URL(fileURLWithPath: world.place("go")))
    try pane.wait(for: "status 66")
    #expect(try !pane.text().contains("waiting for another"))
    #expect(try pane.text().contains("skopeo cannot fetch the image"))
    try pane.wait(until: "all are done") { try contents("more").hasSuffix("\n") }
    for name in ["errors", "more"] {
      #expect(
        try contents(name)
          == "swiftlet: skopeo cannot fetch the image: docker://example.org/a: it does not say why\n")
    }
  }

  /// Whoever kills swiftlet itself kills what fetches an image for it.
  @Test func whatFetchesDoesNotOutliveUs() throws {
    let result = try Fixtures().run(
      """
      \(Self.make); mkdir bin; printf '#!/bin/sh\\necho $$ > '$PWD'/pid\\nexec sleep 1000\\n' > bin/skopeo; chmod 755 bin/skopeo
      PATH=$PWD/bin:$PATH $S images inspect docker://example.org/image & swiftlet=$!
      until [ -s pid ]; do sleep 0.02; done
      kill -9 $swiftlet
      while grep -q '^State:.[^ZX]' /proc/$(cat pid)/status; do sleep 0.02; done
      echo gone
      """)
    #expect(result.output == "gone\n", "\(result.error)")
  }

  /// What fails while an image is made is one line, and leaves nothing. `swiftlet run` says the same, with its own status.
  @Test(arguments: [
    ("ulimit -f 200", "the image is longer than a file may be here"),
    ("mkdir cache; mount -t tmpfs -o size=200k none cache", "no space for the image"),
    ("mkdir cache; mount -t tmpfs -o size=200k,ro none cache", "no permission to keep the image"),
  ])
  func roomThatEndsIsTold(_ limit: String, _ line: String) throws {
    for (command, status) in [
      ("images inspect root", line.hasPrefix("no perm") ? 66 : 71), ("run root true", 125),
    ] {
      let result = try Fixtures().run(
        """
        \(Self.make); head -c 1000000 /dev/urandom > root/large
        unshare -rm sh -c '\(limit); $S \(command); status=$?; find cache -type f; exit $status'
        """)
      #expect(result.status == Int32(status), "\(command)")
      #expect(result.output == "")
      #expect(result.error.hasPrefix("swiftlet: \(line): root: "), "\(result.error)")
      #expect(result.error.count { $0 == "\n" } == 1)
    }
  }

  @Test(
    .enabled(if: access("/usr/bin/umoci", X_OK) == 0 && geteuid() == 0, "umoci makes the layout, as root"))
  func anImageThatIsNotWhatItSaysIsRefused() throws {
    let result = try Fixtures().run(
      """
      \(Self.make); head -c 100000 /dev/urandom > root/large
      { umoci init --layout l; umoci new --image l:a; umoci insert --image l:a root /; } 2>umoci || cat umoci >&2
      layer=$(ls -S l/blobs/sha256/* | head -n 1); printf x | dd of=$layer bs=1 seek=4 conv=notrunc status=none
      $S run oci:l:a true; status=$?; find cache -type f; exit $status
      """)
    #expect(result.status == 125)
    #expect(result.output == "")
    #expect(result.error.hasPrefix("swiftlet: layer sha256:"), "\(result.error)")
    #expect(result.error.contains(" does not have the digest sha256:"), "\(result.error)")
    #expect(result.error.count { $0 == "\n" } == 1)
  }

  /// The last word on what is written has the kernel that machines run, once through the overlay that they see.
  @Test(.enabled(if: hasKVM, "/dev/kvm is not usable here")) func theGuestFindsWhatTheArchiveHas() throws {
    let world = try RunWorld()
    let (archive, sizes) = try strangeArchive()
    try Data(archive.finished).write(to: URL(fileURLWithPath: world.place("image.tar")))
    try FileManager.default.createDirectory(
      atPath: world.place("expected"), withIntermediateDirectories: true)
    try Data(sizes.flatMap(pattern)).write(to: URL(fileURLWithPath: world.place("expected/all")))
    let names = Self.earlyNames.map { "'names/\($0)'" }.joined(separator: " ")
    let result = try world.run(
      ["-v", "\(world.place("expected")):/expected"],
      [
        "/bin/busybox", "sh", "-c",
        """
        look() {
          stat -c '%n %a %u:%g %h %t:%T %Y %F' special dir links/a links/c char block pipe
          /bin/attributes attributes long special dir
        }
        mkdir /image && mount -t erofs -o ro /dev/vda /image && cd /image && look
        cat \(names) names/zz; set -- names/*; echo $#; readlink link
        cat \(sizes.map { "sizes/\($0)" }.joined(separator: " ")) | cmp - /expected/all
        cd / && echo overlay && look
        """,
      ], image: world.place("image.tar"), environment: ["XDG_CACHE_HOME": world.place("cache")])
    #expect(result.error == "")
    #expect(result.status == 0)
    let views = result.output.components(separatedBy: "overlay\n")
    let contents = (0..<Self.earlyNames.count).map { "\($0)" } + ["last", "307", Self.target]
    #expect(lines(views.first) == (Self.files + contents).sorted())
    #expect(lines(views.last) == Self.files.sorted())
  }

  /// Attributes come in any order.
  private func lines(_ text: String?) -> [String] {
    (text ?? "").split(separator: "\n").map(String.init).sorted()
  }

  private static let earlyNames = [" blank", "!bang", "#hash", "+plus", "-dash", "\t"]
  private static let target = String(repeating: "t/", count: 2000)
  private static let capability: [UInt8] = [1, 0, 0, 2, 0, 0x20] + [UInt8](repeating: 0, count: 14)
  /// Version 2: of owner, user 70000, group, mask and others.
  private static let accessList: [UInt8] =
    [2, 0, 0, 0] + [1, 0, 7, 0, 255, 255, 255, 255] + [2, 0, 6, 0, 0x70, 0x11, 1, 0]
    + [4, 0, 5, 0, 255, 255, 255, 255] + [16, 0, 7, 0, 255, 255, 255, 255] + [
      32, 0, 1, 0, 255, 255, 255, 255,
    ]

  private func pattern(_ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
  }

  /// Of all that is kept of files something, and sizes around what fits behind an inode and into blocks.
  private func strangeArchive() throws -> (TarWriter, sizes: [Int]) {
    func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
    var tar = TarWriter()
    let busybox = try bytes("/bin/busybox")
    tar.add("bin/busybox", bytes: busybox, mode: 0o755)
    let programs = try Built.folder("guest-kernels/programs/build") + "/root"
    tar.add("bin/attributes", bytes: try bytes("\(programs)/attributes"), mode: 0o755)
    tar.add(
      "attributes", .file, "x",
      pax: [
        ("SCHILY.xattr.security.capability", Self.capability),
        ("SCHILY.xattr.user.name", Array("value".utf8)),
        ("SCHILY.xattr.user.empty", []), ("SCHILY.xattr.trusted.t", Array("t".utf8)),
        ("SCHILY.xattr.trusted.overlay.opaque", Array("y".utf8)),
      ])
    tar.add("long", .file, "long", pax: [("SCHILY.xattr.user.long", [UInt8](repeating: 0x61, count: 9000))])
    tar.add(
      "special", .file, "special", mode: 0o6711, owner: 70_000, group: 70_001,
      pax: [("SCHILY.xattr.system.posix_acl_access", Self.accessList), ("mtime", Array("-86400".utf8))])
    tar.add(
      "dir", .directory, mode: 0o1751, pax: [("SCHILY.xattr.system.posix_acl_default", Self.accessList)])
    for name in ["dir/a", "dir/b", "proc", "sys", "dev", "tmp"] { tar.add(directory: name) }
    tar.add("links/a", .file, "linked")
    for name in ["b", "c"] { tar.add("links/\(name)", .hardLink, target: "links/a") }
    tar.add("char", .characterDevice, mode: 0o600, device: (300, 5))
    tar.add("block", .blockDevice, mode: 0o600, device: (8, 70_000))
    tar.add("pipe", .pipe)
    tar.add("link", .symbolicLink, target: Self.target)
    for (number, name) in Self.earlyNames.enumerated() { tar.add("names/\(name)", .file, "\(number)\n") }
    for number in 0..<300 { tar.add("names/n\(number)-\(String(repeating: "n", count: 100))") }
    tar.add("names/zz", .file, "last\n")
    let sizes = [0, 1, 4031, 4032, 4033, 4095, 4096, 4097, 8128, 100_000]
    for size in sizes { tar.add("sizes/\(size)", bytes: pattern(size)) }
    return (tar, sizes)
  }

  private static let files: [String] = {
    func hexadecimal(_ bytes: [UInt8]) -> String { bytes.map { String(format: "%02x", $0) }.joined() }
    let list = hexadecimal(accessList)
    return [
      "special 6711 70000:70001 1 0:0 -86400 regular file", "dir 1751 0:0 4 0:0 1000000000 directory",
      "links/a 644 0:0 3 0:0 1000000000 regular file", "links/c 644 0:0 3 0:0 1000000000 regular file",
      "char 600 0:0 1 12c:5 1000000000 character special file",
      "block 600 0:0 1 8:11170 1000000000 block special file", "pipe 644 0:0 1 0:0 1000000000 fifo",
      "attributes security.capability \(hexadecimal(capability))", "attributes trusted.t 74",
      "attributes user.empty ", "attributes user.name 76616c7565", "dir system.posix_acl_default \(list)",
      "long user.long \(String(repeating: "61", count: 9000))", "special system.posix_acl_access \(list)",
    ]
  }()
}
