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

    #expect(
      try fixtures.run("\(Self.make); $S images inspect \(digest.prefix(15))").output == made.output)
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
}
