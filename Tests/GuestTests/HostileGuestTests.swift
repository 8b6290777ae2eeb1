import Testing

/// A guest that breaks the rules of every device and checks after each time that the device works again.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct HostileGuestTests {
  @Test func survivesEveryViolation() throws {
    let disk = try PatternDisk()
    let result = try Program().run(
      ["boot", "--kernel", BareGuest.path("hostile"), "--disk", disk.path, "--append", "storm=200"],
      limit: 120)
    #expect(result.failedChecks == [])
    #expect(result.status == 0)
    try expectEachRuleOnce(result.error)
    // Only the last sector is the guest's to write; every broken request must have left the others alone.
    #expect(try disk.words().dropLast(128) == PatternDisk.words.dropLast(128))
  }

  /// However often a rule is broken, its device tells of it once.
  private func expectEachRuleOnce(_ error: String) throws {
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
