import Configuration
import Testing

@testable import Bench

struct BootPhasesTests {
  private static let names = [
    "command started", "command done", "monitor started", "machine made", "kernel loaded", "guest entered",
    "first exit", "user space reached", "guest off", "machine ended",
  ]

  /// A boot whose steps are a tenth of a millisecond apart, but for one that comes later.
  private func boot(delay: UInt64 = 0, until late: String = "") throws -> (wall: UInt64, phases: BootPhases) {
    var time: UInt64 = 5_000_000
    let start = time
    var steps: [BootRecord.Step] = []
    for (index, name) in Self.names.enumerated() {
      time += 100_000 + (name == late ? delay : 0)
      let counters = index > 4 ? ["exits": UInt64(index * index)] : nil
      steps.append(BootRecord.Step(name, at: time, counters: counters))
    }
    time += 100_000 + (late == BootPhases.last ? delay : 0)
    // In any order: the times count.
    let phases = try BootPhases(BootRecord(steps: steps.shuffled()), from: start, to: time)
    return (time - start, phases)
  }

  @Test(arguments: names + [BootPhases.last]) func aDelayIsInItsPhaseAlone(late: String) throws {
    let (plain, delayed) = (try boot(), try boot(delay: 7_000_000, until: late))
    for (before, after) in zip(plain.phases.phases, delayed.phases.phases) {
      #expect(after.nanoseconds - before.nanoseconds == (before.name == late ? 7_000_000 : 0))
    }
    for boot in [plain, delayed] {
      #expect(boot.phases.phases.map(\.name) == Self.names + [BootPhases.last])
      #expect(boot.phases.phases.map(\.nanoseconds).reduce(0, +) == boot.wall)
    }
  }

  @Test func countersAreThoseOfThePhase() throws {
    let phases = try boot().phases.phases
    #expect(phases.map { $0.counters["exits"] } == [nil, nil, nil, nil, nil, 25, 11, 13, 15, 17, nil])
    var contestant = Contestant("boot")
    contestant.add(try [boot(), boot(), boot()])
    #expect(contestant.samples("exits")?.values == [81, 81, 81])
    #expect(contestant.series.first { $0.name == "until guest off" }?.counters == ["exits": [15, 15, 15]])
  }

  @Test func repeatedAndMissingStepsAreToldApart() throws {
    func phases(_ names: [String]) throws -> (wall: UInt64, phases: BootPhases) {
      let steps = names.enumerated().map { BootRecord.Step($1, at: UInt64($0 + 1)) }
      let end = UInt64(names.count + 1)
      return (end, try BootPhases(BootRecord(steps: steps), from: 0, to: end))
    }
    var contestant = Contestant("boot")
    contestant.add(try [phases(["a", "disk", "disk", "c"]), phases(["a", "b", "disk", "c"])])
    #expect(
      contestant.series.map(\.name) == [
        "wall", "until a", "until b", "until disk", "until disk (2)", "until c", "until process gone",
      ])
    #expect(contestant.series.map(\.values.count) == [2, 2, 1, 2, 1, 2, 2])
  }

  /// Of steps that another program noted it is not known.
  @Test func whatAPhaseUsesOfProcessorsIsToldWhereBothItsEndsAreKnown() throws {
    let record = BootRecord(steps: [
      .init("a", at: 100), .init("b", at: 200, processor: 70), .init("c", at: 300, processor: 75),
      .init("d", at: 400), .init("e", at: 500, processor: 90),
    ])
    let phases = try BootPhases(record, from: 0, to: 700, processor: 120).phases
    #expect(phases.map { $0.counters[BootPhases.processor] } == [nil, nil, 5, nil, nil, 30])
    var contestant = Contestant("swiftlet boot")
    contestant.add([(wall: 700, phases: try BootPhases(record, from: 0, to: 700, processor: 120))])
    let table = ResultDocument(.boot, Conditions(), [contestant]).text()
    let last = table.split(separator: "\n").first { $0.hasPrefix("until process gone") }
    #expect(last?.hasSuffix("28.6 %      0.000") == true, "\(last ?? "")")
  }

  @Test func recordsOfAnotherBootAreRefused() throws {
    let record = BootRecord(steps: [.init("a", at: 100), .init("b", at: 200)])
    #expect(throws: Diagnostic.self) { try BootPhases(record, from: 101, to: 300) }
    #expect(throws: Diagnostic.self) { try BootPhases(record, from: 50, to: 199) }
    #expect(throws: Diagnostic.self) { try BootPhases(BootRecord(steps: []), from: 50, to: 199) }
    #expect(throws: Diagnostic.self) { try BootRecord(json: Array("{\"version\": 2, \"steps\": []}".utf8)) }
    #expect(throws: Diagnostic.self) { try BootRecord(json: []) }
    #expect(
      try BootRecord(
        json: Array(#"{"version": 1, "kernel": "/k", "steps": [{"name": "a", "nanoseconds": 1}]}"#.utf8))
        == BootRecord(kernel: "/k", steps: [.init("a", at: 1)]))
    // One that was given up has not seen its guest's end.
    let steps = ["first exit", "machine ended"].map { BootRecord.Step($0, at: 1) }
    #expect(!BootRecord(steps: steps).isComplete)
    #expect(BootRecord(steps: steps + [.init("guest off", at: 1)]).isComplete)
  }

  @Test func aMonitorsMemoryIsApartFromItsGuests() throws {
    let smaps = """
      00400000-00800000 r-xp 00000000 00:1f 1 /bin/swiftlet-vmm
      Size:               4096 kB
      Rss:                2048 kB
      Pss:                 512 kB
      7f0000000000-7f0008000000 rw-s 00000000 00:01 2 guest
      Size:             131072 kB
      Rss:               16000 kB
      Pss:               15000 kB
      7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]
      Size:                132 kB
      Rss:                  40 kB
      Pss:                  30 kB
      VmFlags: rd wr mr mw me gd ac
      """
    let shares = try #require(MappedShares(smaps))
    #expect(shares.resident == 18_088 << 10 && shares.residentBeyondGuest == 2088 << 10)
    #expect(shares.proportional == 15_542 << 10 && shares.proportionalBeyondGuest == 542 << 10)
    #expect(MappedShares("Size: 4096 kB\nRss: 2048 kB") == nil)
    #expect(MappedShares("") == nil)
  }
}
