import Foundation
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
    #expect(steps.count == 12)
    #expect(
      names == [
        "command started", "monitor started", "machine made", "kernel loaded", "guest entered", "first exit",
        "mark 16", "mark 17", "mark 18", "mark 19", "guest off", "machine ended",
      ])
  }

  /// What `swiftlet bench` reads.
  @Test func writesTheTimelineForPrograms() throws {
    struct Document: Decodable {
      struct Step: Decodable {
        let name: String
        let nanoseconds: UInt64
        let counters: [String: UInt64]?
      }
      let version: Int
      let kernel: String
      let steps: [Step]
    }
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("timeline-\(UUID())")
    defer { try? FileManager.default.removeItem(at: file) }
    let before = Self.now
    let result = try Program().run(
      ["boot", "--kernel", BareGuest.path("exits"), "--append", "n=10", "--json", file.path])
    let after = Self.now
    #expect(result.status == 0)
    #expect(result.error == "")
    let document = try JSONDecoder().decode(Document.self, from: Data(contentsOf: file))
    #expect(document.version == 1)
    #expect(document.kernel == (try BareGuest.path("exits")))
    #expect(
      document.steps.map(\.name) == [
        "command started", "command done", "monitor started", "machine made", "kernel loaded",
        "guest entered", "first exit", "mark 16", "mark 17", "mark 18", "mark 19", "guest off",
        "machine ended",
      ])
    let times = [before] + document.steps.map(\.nanoseconds) + [after]
    #expect(times == times.sorted())
    // Ten writes to a port between two marks, and a mark is one itself; then ten reads of a register.
    func counts(_ name: String) -> [UInt64] { document.steps[7...10].map { $0.counters?[name] ?? 0 } }
    let (ports, reads) = (counts("monitor_ports"), counts("monitor_mmio_reads"))
    #expect(ports.map { $0 - ports[0] } == [0, 11, 12, 13])
    #expect(reads.map { $0 - reads[0] } == [0, 0, 0, 10])
    #expect(document.steps[0].counters == nil)
  }

  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// What `swiftlet bench io` measures, of devices that need nobody at their other end.
  @Test func timesWhatDevicesDo() throws {
    let disk = try PatternDisk()
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(count: 128 << 10).write(to: folder.appendingPathComponent("shared"))
    let result = try Program().run([
      "boot", "--kernel", BareGuest.path("throughput"), "--append", "n=3", "--timeline", "--memory", "128M",
      "--cpus", "2", "--disk", disk.path, "--balloon", "1M", "--share", folder.path + ",rw",
    ])
    #expect(result.failedChecks == [])
    #expect(result.status == 0)
    let marks = result.error.split(separator: "\n").compactMap { line in
      line.firstRange(of: "mark ").flatMap { Int(line[$0.upperBound...]) }
    }
    // The beginning and the end of each.
    let block = [18, 22, 28, 30, 20, 24, 26]
    let (balloon, share) = ([58, 62, 64, 60], [66, 68, 70, 72, 74, 76, 78])
    #expect(marks == ([16, 50, 52] + block + [54, 56] + balloon + share).flatMap { [$0, $0 + 1] })
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
