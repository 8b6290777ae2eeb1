import Testing

/// Freestanding guests on the real KVM.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct BareGuestTests {
  @Test(arguments: ["hello", "hello-pvh"]) func printsAndPowersOff(guest: String) throws {
    let result = try Program().run(["boot", "--kernel", BareGuest.path(guest)])
    #expect(result.output == "hello from a bare guest\n")
    #expect(result.error == "")
    #expect(result.status == 0)
  }

  @Test func carriesTheWorkloadStatusThrough() throws {
    let result = try Program().run(["boot", "--kernel", BareGuest.path("hello"), "--append", "status=37"])
    #expect(result.status == 37)
  }

  @Test func showsEveryStepOfTheTimeline() throws {
    let result = try Program().run(
      ["boot", "--kernel", BareGuest.path("exits"), "--append", "n=10", "--timeline"])
    let steps = result.error.split(separator: "\n").dropFirst().map { $0.split(separator: " ", maxSplits: 3) }
    let names = result.error.split(separator: "\n").dropFirst().map { line in
      line.split(separator: " ").drop { $0 != "ms" }.dropFirst(1).drop {
        $0.allSatisfy { "+.0123456789".contains($0) }
      }
      .joined(separator: " ")
    }
    #expect(steps.count == 9)
    #expect(
      names == [
        "command started", "monitor started", "machine made", "kernel loaded", "mark 16", "mark 17",
        "mark 18",
        "mark 19", "machine ended",
      ])
  }

  /// What `make bench-devices` measures.
  @Test func timesWhatDevicesDo() throws {
    let disk = try PatternDisk()
    let result = try Program().run([
      "boot", "--kernel", BareGuest.path("throughput"), "--append", "n=3", "--timeline", "--disk", disk.path,
    ])
    #expect(result.failedChecks == [])
    #expect(result.status == 0)
    let marks = result.error.split(separator: "\n").compactMap { line in
      line.firstRange(of: "mark ").flatMap { Int(line[$0.upperBound...]) }
    }
    // Exits, console, disk in four ways, entropy: the beginning and the end of each.
    #expect(marks == [16, 34, 18, 22, 24, 20, 36].flatMap { [$0, $0 + 1] })
  }

  @Test func runsWithMemoryAboveFourGigabytes() throws {
    let result = try Program().run(["boot", "--kernel", BareGuest.path("hello"), "--memory", "6G"])
    #expect(result.status == 0)
  }

  @Test func runsOnSeveralProcessors() throws {
    let result = try Program().run(["boot", "--kernel", BareGuest.path("hello"), "--cpus", "4"])
    #expect(result.status == 0)
  }
}
