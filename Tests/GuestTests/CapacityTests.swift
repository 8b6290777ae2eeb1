import Foundation
import Testing

/// `swiftlet bench exits`, `density`, `start-rate` and `io` on the real KVM, and what `boot` does besides.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct CapacityTests {
  private static func guests() throws -> String { try Built.folder("guest-kernels/bare/build") }

  /// A folder for temporary files of a command's own: what it leaves is seen.
  private static func left(_ folder: BenchFolder) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path("t"))
  }

  private static func bench(_ arguments: [String], _ folder: BenchFolder) throws -> BenchDocument {
    try FileManager.default.createDirectory(
      atPath: folder.path("t"), withIntermediateDirectories: true)
    let program = Program(environment: ["TMPDIR": folder.path("t")])
    let result = try program.run(
      ["bench"] + arguments + ["--json", folder.path("r.json"), "--html", folder.path("r.html")],
      limit: patience)
    #expect(result.status == 0 && result.error == "", "\(result.error)")
    #expect(try left(folder) == [])
    return try folder.document("r.json")
  }

  /// Where KVM does not know hypercalls, these are told to fail.
  @Test func exitsAreTimedBesideTheTwin() throws {
    let folder = try BenchFolder()
    let document = try Self.bench(
      ["exits", "-n", "2", "--count", "100", "--seed", "7", "--guests", Self.guests()], folder)
    #expect(document.conditions.seed == 7)
    #expect(document.kind == "exits" && document.contestants.map(\.name) == ["swiftlet", "C program"])
    for contestant in document.contestants {
      for kind in ["port write", "memory read"] { #expect(contestant.values(kind).count == 2) }
      let hasHypercalls = contestant.values("hypercall").count == 2
      #expect(hasHypercalls != (contestant.notMeasured?["hypercall"]?.hasPrefix("fails: ") ?? false))
    }
    for kind in ["ioeventfd", "ioeventfd and back by irqfd, asleep"] {
      #expect(document.contestants[0].notMeasured?[kind]?.hasPrefix("not used: ") == true)
      // Each takes some time: more than a nanosecond, and less than a second.
      let times = document.contestants[1].values(kind)
      #expect(times.count == 2 && times.allSatisfy { (1...1e9).contains($0) })
    }
  }

  @Test func withoutTheTwinSwiftletIsTimedAlone() throws {
    let folder = try BenchFolder()
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("exits"), withDestinationPath: BareGuest.path("exits"))
    let document = try Self.bench(["exits", "-n", "1", "--count", "10", "--guests", folder.url.path], folder)
    #expect(document.contestants[0].values("port write").count == 1)
    #expect(
      document.contestants[1].absence == "it is not beside \(folder.path("exits")): make guests builds it")
  }

  @Test func crowdsOfIdleMachinesAreLookedAtAndEnded() throws {
    let folder = try BenchFolder()
    let document = try Self.bench(["density", "-n", "5", "--memory", "32"], folder)
    #expect(document.contestants.map(\.name) == ["1 machine", "2 machines", "4 machines", "5 machines"])
    for (contestant, count) in zip(document.contestants, [1, 2, 4, 5]) {
      let (all, beyond) = (contestant.values("resident"), contestant.values("resident beyond guest RAM"))
      let shared = contestant.values("proportional")
      #expect(all.count == count && beyond.count == count && shared.count == count)
      for machine in 0..<count {
        #expect(beyond[machine] > 0 && beyond[machine] < all[machine] && all[machine] < 6e7)
        #expect(shared[machine] <= all[machine])
      }
      #expect(contestant.values("threads").allSatisfy { $0 >= 2 })
      #expect(contestant.values("descriptors").allSatisfy { $0 > 3 })
    }
    #expect(try Self.running(folder) == "0\n")
  }

  /// How many processes have that folder for their temporary files.
  private static func running(_ folder: BenchFolder) throws -> String {
    try Fixtures().run("grep -ls 'TMPDIR=\(folder.path("t"))' /proc/[0-9]*/environ | wc -l").output
  }

  @Test(arguments: ["density -n 10000 --reserve 0", "start-rate --duration 1000"])
  func asItIsAskedToEndNothingIsLeft(command: String) throws {
    let result = try Fixtures().run(
      """
      mkdir t; TMPDIR=$PWD/t $S bench \(command) &
      until [ "$(grep -ls "TMPDIR=$PWD/t" /proc/[0-9]*/environ | wc -l)" -gt 1 ] && ls t/*/* > /dev/null 2>&1 \\
        || ! kill -0 $!
      do sleep 0.05; done
      kill -TERM $!; wait $!; echo $?; ls t; grep -ls "TMPDIR=$PWD/t" /proc/[0-9]*/environ | wc -l
      """)
    #expect(result.output == "143\n0\n")
    #expect(result.error == "")
  }

  @Test func startsAreCountedBesideProcesses() throws {
    let folder = try BenchFolder()
    let document = try Self.bench(["start-rate", "--duration", "1", "--parallel", "5"], folder)
    let stages = [1, 2, 4, 5]
    #expect(
      document.contestants.map(\.name)
        == stages.flatMap { ["process, \($0) at once", "swiftlet boot, bare guest, \($0) at once"] })
    for contestant in document.contestants {
      #expect((1...1000).contains(contestant.values("wall").count))
      // One second, in which nothing may have ended.
      #expect(contestant.values("starts").count == 1)
    }
    #expect(document.contestants[0].values("starts")[0] > 0)
    // Nobody's machine starts as fast as a process.
    let least = document.contestants.map { $0.values("wall").min() ?? 0 }
    #expect(least[1] > least[0] && least[3] > least[2])
  }

  @Test func devicesAreTimedFromInsideAndByThemselves() throws {
    let folder = try BenchFolder()
    let document = try Self.bench(
      ["io", "-n", "2", "--turn", "1", "--count", "3", "--guests", Self.guests()], folder)
    let (guest, device, host) = (document.contestants[0], document.contestants[1], document.contestants[2])
    #expect([guest, device, host].map(\.name) == ["guest", "device", "host"])
    for kind in ["console", "block", "network, user mode", "vsock", "entropy", "balloon", "shared directory"]
    {
      let series = guest.series.filter { $0.name.hasPrefix(kind + ":") }
      #expect(!series.isEmpty && series.allSatisfy { $0.values.count == 1 && $0.values[0] > 0 }, "\(kind)")
    }
    for kind in [
      "console: ", "block, page cache: ", "block, direct", "network, user mode: ", "vsock: ", "directory: ",
    ] {
      let series = device.series.filter { $0.name.hasPrefix(kind) }
      #expect(!series.isEmpty && series.allSatisfy { host.values($0.name).count == 2 }, "\(kind)")
      #expect(series.allSatisfy { $0.values.count == 2 && $0.values[0] > 0 }, "\(kind)")
    }
    let names = host.series.map(\.name)
    #expect(Set(names).count == names.count)
    // Either a tap is measured, or it is told why not.
    let hasTap = guest.series.contains { $0.name.hasPrefix("network, tap") }
    #expect(hasTap == (guest.notMeasured == nil))
  }

  /// Of a bzImage what was unpacked from it too, which stays where it is.
  @Test func cachesAreDroppedForAColdBoot() throws {
    let folder = try BenchFolder()
    let result = try Fixtures().run(
      """
      mkdir cache; export XDG_CACHE_HOME=$PWD/cache TMPDIR=$PWD
      $S bench boot -n 1 --warm-up 0 --cold --kernel bzImage --json '\(folder.path("r.json"))' > table
      ls cache/swiftlet/kernels
      """, limit: patience)
    #expect(result.error == "")
    let document = try folder.document("r.json")
    let said = try #require(document.conditions.cache)
    #expect(said.hasPrefix("before each boot ") && said.contains(" of 4 files were dropped"), "\(said)")
    #expect(said.contains("drop_caches") == (geteuid() == 0))
    #expect(document.contestants[0].values("wall").count == 1)
    let kernel = try #require(document.conditions.kernel)
    #expect(kernel.hasSuffix("/cache/swiftlet/kernels/" + result.output.dropLast()), "\(kernel)")
    #expect(document.conditions.kernelSHA256 != nil)
  }

  /// On a terminal, and there alone.
  @Test func progressIsShownToPeople() throws {
    let kernel = try BareGuest.path("hello")
    let result = try Fixtures().run(
      "TMPDIR=$PWD script -qec \"$S bench boot -n 3 --kernel '\(kernel)'\" /dev/null")
    #expect(result.output.contains("booting, 2 of 4, ") && result.output.contains(" s left"))
    #expect(result.output.contains("\r\u{1b}[K"))
  }
}
