import Foundation
import Testing

/// A guest that breaks the rules of every device and checks after each time that the device works again.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct HostileGuestTests {
  @Test func survivesEveryViolation() throws { try attack("storm=200", limit: 120) }

  @Test(.enabled(if: runsLongTests, "takes minutes: `make test-long`"), arguments: 1...3)
  func survivesRandomViolations(seed: Int) throws {
    try attack("seed=\(seed) rounds=200", limit: 600)
  }

  private func attack(_ options: String, limit: Int) throws {
    let disk = try PatternDisk()
    var footprints: [Footprint] = []
    let result = try Program().run(
      ["boot", "--kernel", BareGuest.path("hostile"), "--disk", disk.path, "--append", options], limit: limit
    ) { process in
      if let footprint = Footprint(process) { footprints.append(footprint) }
    }
    #expect(result.failedChecks == [])
    #expect(result.status == 0)
    expectEachRuleOnce(result.error)
    try expectBounded(footprints)
  }

  /// The guest speaks all the time, so the last footprint is one of a machine that has seen nearly everything.
  private func expectBounded(_ footprints: [Footprint]) throws {
    let first = try #require(footprints.first)
    let last = try #require(footprints.last)
    #expect(footprints.count > 100)
    #expect(last.descriptors <= first.descriptors)
    #expect(last.descriptors < 32)
    #expect(last.residentKibibytes < first.residentKibibytes + 4096)
    #expect(last.residentKibibytes < 32_768)
  }

  /// However often a rule is broken, its device tells of it once.
  private func expectEachRuleOnce(_ error: String) {
    let lines = error.split(separator: "\n")
    #expect(Set(lines).count == lines.count)
    for device in ["console", "block", "entropy"] {
      let told = lines.filter { $0.hasPrefix("swiftlet: \(device): ") }
      #expect(told.contains { $0.hasSuffix("bufferMemory") })
      #expect(told.contains { $0.hasSuffix("chainLength") })
      #expect(told.contains { $0.hasSuffix("frozenRegister") })
    }
    #expect(lines.allSatisfy { $0.contains("the guest's driver broke a rule of virtio: ") })
  }
}

/// What a process holds.
private struct Footprint {
  let descriptors: Int
  /// Memory of its own, guest memory included; not what it shares with its program file.
  let residentKibibytes: Int

  /// Nil when the process has ended.
  init?(_ process: pid_t) {
    guard let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd"),
      let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    else { return nil }
    let sizes = status.split(separator: "\n").filter { $0.hasPrefix("RssAnon:") || $0.hasPrefix("RssShmem:") }
      .compactMap { $0.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } }
    guard sizes.count == 2, files.count > 3 else { return nil }
    descriptors = files.count
    residentKibibytes = sizes[0] + sizes[1]
  }
}
