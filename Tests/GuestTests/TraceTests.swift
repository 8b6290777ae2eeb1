import Foundation
import Testing

/// What `swiftlet boot --trace` writes of real machines.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct TraceTests {
  /// The events of a trace that took some time, by the names of their tracks.
  private struct Trace: Decodable {
    struct Event: Decodable {
      let name: String
      let ph: String
      let tid: Int?
      let ts: Double?
      let dur: Double?
      let args: [String: Value]?
    }
    /// Text or a number.
    enum Value: Decodable, Equatable {
      case text(String)
      case number(Int)
      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        self = try (try? container.decode(Int.self)).map(Value.number) ?? .text(container.decode(String.self))
      }
    }
    let traceEvents: [Event]

    init(at path: String) throws {
      self = try JSONDecoder().decode(Trace.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    var tracks: [String: [Event]] {
      var tracks: [String: [Event]] = [:]
      for event in traceEvents where event.name == "thread_name" {
        guard case .text(let name) = event.args?["name"] else { continue }
        tracks[name] = traceEvents.filter { $0.tid == event.tid && $0.ph == "X" }
      }
      return tracks
    }
  }

  private func boot(_ guest: String, _ options: [String]) throws -> Trace {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    // One that was there is written over.
    try Data(repeating: 0x20, count: 1 << 20).write(to: URL(fileURLWithPath: path))
    let result = try Program().run(
      ["boot", "--kernel", BareGuest.path(guest), "--trace", path] + options)
    #expect(result.error == "")
    #expect(result.status == 0)
    return try Trace(at: path)
  }

  @Test(arguments: [[], ["--jail"]]) func tellsEachExitAndItsDevice(options: [String]) throws {
    let tracks = try boot("exits", ["--append", "n=100", "--cpus", "2"] + options).tracks
    #expect(Set(tracks.keys) == ["boot", "vCPU 0", "vCPU 1", "console", "entropy"])
    let events = try #require(tracks["vCPU 0"])
    #expect(events.count { $0.name == "out" && $0.args?["port"] == .text("0x80") } == 100)
    #expect(events.count { $0.name == "MMIO read console" && $0.args?["bytes"] == .text("4") } == 100)
    #expect(events.contains { $0.name == "out power control" })
    // Time in the guest and in the monitor, in turn, without a gap.
    #expect(events.indices.allSatisfy { (events[$0].name == "guest") == !$0.isMultiple(of: 2) })
    for (event, next) in zip(events, events.dropFirst()) {
      let end = try #require(event.ts) + (try #require(event.dur))
      #expect(abs(end - (try #require(next.ts))) < 0.01)
    }
  }

  @Test func tellsTheStepsOfTheBoot() throws {
    let steps = try #require(try boot("exits", ["--append", "n=1"]).tracks["boot"])
    #expect(
      steps.map(\.name) == [
        "to: monitor started", "to: machine made", "to: kernel loaded", "to: guest entered", "to: first exit",
        "to: mark 16", "to: mark 17", "to: mark 18", "to: mark 19", "to: guest off", "to: machine ended",
      ])
    #expect(steps.first?.ts == 0)
  }

  @Test func tellsWhenDevicesWork() throws {
    let disk = try PatternDisk()
    let tracks = try boot("virtio", ["--disk", disk.path]).tracks
    let events = try #require(tracks["disk \(disk.path)"])
    #expect(events.contains { $0.name == "queues" && $0.args?["queues"] == .text("0") })
  }

  @Test func failsWhereItCannotBeWritten() throws {
    let guest = try BareGuest.path("exits")
    let full = try Program().run(["boot", "--kernel", guest, "--append", "n=1", "--trace", "/dev/full"])
    #expect(full.error == "swiftlet: cannot write the trace: No space left on device\n")
    #expect(full.status == 74)
    let lost = try Program().run(["boot", "--kernel", guest, "--trace", "/no-folder/trace"])
    #expect(lost.error == "swiftlet: cannot write the trace: /no-folder/trace: No such file or directory\n")
    #expect(lost.output == "")
    #expect(lost.status == 74)
    let both = try Program().run(["boot", "--kernel", guest, "--trace", "/dev/null", "--reboot", "restart"])
    #expect(both.error == "swiftlet: a trace is of one machine: --reboot restart: leave it out, or --trace\n")
    #expect(both.status == 64)
  }
}
