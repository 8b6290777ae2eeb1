import Foundation
import Testing

/// Where `swiftlet bench` writes results.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"))
struct BenchFileTests {
  /// Of a measurement that does not come to its end, nothing is seen; of one that does, the whole.
  @Test func whatWasThereStaysUntilThereIsAResult() throws {
    let folder = try BenchFolder()
    let file = folder.path("r.json")
    try "old".write(toFile: file, atomically: false, encoding: .utf8)
    chmod(file, 0o640)
    let kernel = try BareGuest.path("hello")
    func measure(_ options: [String]) throws -> Int32 {
      try Program().run(
        ["bench", "boot", "-n", "1", "--warm-up", "0", "--kernel", kernel, "--json", file] + options
      ).status
    }
    #expect(try measure(["--", "--append", "status=3"]) == 3)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "old")
    #expect(try measure(["--html", "/nowhere/x"]) == 74)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "old")
    #expect(try measure([]) == 0)
    #expect(try folder.document("r.json").kind == "boot")
    let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
    #expect(mode == 0o640)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["r.json"])
  }

  @Test func resultsGoToPipesAndThroughLinksToo() throws {
    let kernel = try BareGuest.path("hello")
    let result = try Fixtures().run(
      """
      mkdir d; cd d; echo old > target; ln -s target link; mkfifo pipe; cat pipe > values &
      $S bench boot -n 1 --warm-up 0 --kernel '\(kernel)' --csv pipe --json link > table || exit
      wait; head -n 1 values; readlink link; head -n 2 target; ls
      """)
    #expect(
      result.output == """
        contestant,series,unit,run,value
        target
        {
          "conditions" : {
        link
        pipe
        table
        target
        values

        """)
    #expect(result.error == "")
  }

  /// Where no other file can take its place, it is written as it is: a mount of its own, and the output of bench itself.
  @Test(.enabled(if: getuid() == 0, "only root mounts"))
  func whatCannotBeReplacedIsWrittenInPlace() throws {
    let kernel = try BareGuest.path("hello")
    let result = try Fixtures().run(
      """
      mkdir d; cd d; printf %99999s old > inner; touch mounted
      unshare -m sh -c 'mount --bind inner mounted; $S bench boot -n 1 --warm-up 0 --kernel \(kernel) --json mounted' > table
      echo $?; head -n 1 inner; tail -n 1 inner; ls
      $S bench boot -n 1 --warm-up 0 --kernel '\(kernel)' --csv /dev/stdout > both
      echo $?; grep -cE '^from exec until gone|^contestant,series' both
      $S bench boot -n 1 --warm-up 0 --kernel '\(kernel)' --csv late --json later > /dev/full
      echo $?; head -n 1 late later
      """)
    #expect(
      result.output
        == "0\n{\n}\ninner\nmounted\ntable\n0\n2\n74\n==> late <==\ncontestant,series,unit,run,value\n\n==> later <==\n{\n"
    )
    // What can be written is, where the table cannot.
    #expect(result.error.hasPrefix("swiftlet: cannot write: standard output: "))
  }

  @Test(arguments: [
    (["--json", ""], "swiftlet: empty file path: name a file for the result\n"),
    (["--json", "r", "--csv", "./r"], "swiftlet: two results for one file: "),
    (["--json", "new", "--html", "./new"], "swiftlet: two results for one file: "),
  ])
  func namesOfNothingAreRefusedBeforeAnythingIsMeasured(options: [String], line: String) throws {
    let folder = try BenchFolder()
    try "old".write(toFile: folder.path("r"), atomically: false, encoding: .utf8)
    let result = try Program().run(
      ["bench", "boot", "--kernel", "/nowhere"]
        + options.map { $0.hasPrefix("--") || $0.isEmpty ? $0 : folder.path($0) })
    #expect(result.status == 64 && result.error.hasPrefix(line), "\(result.error)")
  }

  @Test func aFullDiskIsTold() throws {
    let kernel = try BareGuest.path("hello")
    let result = try Program().run([
      "bench", "boot", "-n", "1", "--warm-up", "0", "--kernel", kernel, "--json", "/dev/full",
    ])
    #expect(result.status == 74)
    #expect(result.error == "swiftlet: cannot write the result: /dev/full: No space left on device\n")
  }
}
