import Foundation
import Testing

/// A guest that breaks the rules of every device and checks after each time, or after a batch of them, that the device
/// works again.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct HostileGuestTests {
  /// By a list: each rule in several ways.
  @Test(arguments: HostileDevice.available) func survivesEveryViolation(of device: HostileDevice) throws {
    let machine = try HostileMachine(device)
    let result = try machine.run("storm=200 device=\(device.type)", limit: 600)
    #expect(result.output.contains("memory-untouched-after-reset"))
    #expect(result.failedChecks == [])
    #expect(result.status == 0)
    for name in machine.names {
      let told = lines(of: name, result)
      for rule in ["bufferMemory", "chainLength", "frozenRegister"] { #expect(told.contains(rule)) }
    }
    expectEachRuleOnce(result, machine, others: [Self.crashKernelStarts])
  }

  /// What is told of the event that the guest repeats.
  private static let crashKernelStarts: Substring =
    "swiftlet: the guest's kernel panicked: its crash kernel starts"

  /// Made up from a seed, which `make hostile` chooses: 100,000 of them there, 2,000 here.
  @Test(arguments: HostileDevice.chosen) func survivesGeneratedViolations(of device: HostileDevice) throws {
    let spree = HostileSpree()
    let machine = try HostileMachine(device)
    var footprints: [Footprint] = []
    let start = Date()
    let result = try machine.run("device=\(device.type) \(spree.options)", limit: 600 + spree.count / 20) {
      process in
      if let footprint = Footprint(of: process, guestMebibytes: HostileMachine.memory) {
        footprints.append(footprint)
      }
    }
    let again = "make hostile SEED=\(spree.seed) DEVICE=\(device)"
    #expect(result.failedChecks == [], "again with \(again)")
    #expect(result.status == 0, "again with \(again); it ended with:\n\(result.output.suffix(300))")
    let last = spree.first + spree.count - 1
    #expect(
      result.output.contains("survived violations \(spree.first) to \(last) of seed \(spree.seed)\n"))
    expectEachRuleOnce(result, machine)
    try machine.expectNothingOutsideChanged()
    guard spree.count >= HostileSpree.usualCount else { return }
    // Of so few a rule may be spared by chance: the test of the list above is sure of each.
    if spree.count >= 10 * HostileSpree.usualCount {
      for name in machine.names {
        let told = lines(of: name, result)
        for rule in device.certainRules {
          #expect(told.contains(rule), "\(name): \(rule) was not told; \(again)")
        }
      }
    }
    let growth = try Growth(footprints)
    print("hostile: \(device), seed \(spree.seed): \(spree.count) violations survived in", terminator: " ")
    print("\(Int(-start.timeIntervalSinceNow)) s; \(growth)")
    // The shared directory has a few files open at one time or another.
    #expect(growth.descriptors < 8, "\(again)")
    #expect(growth.kibibytes < 256, "\(again)")
  }

  /// What one device of the machine told.
  private func lines(of name: String, _ result: Program.Result) -> [String] {
    let start = "swiftlet: \(name): the guest's driver broke a rule of virtio: "
    return result.error.split(separator: "\n").filter { $0.hasPrefix(start) }.map {
      String($0.dropFirst(start.count))
    }
  }

  /// However often a rule is broken, its device tells of it once. Beside that there are `others`, and nothing else.
  private func expectEachRuleOnce(
    _ result: Program.Result, _ machine: HostileMachine, others: Set<Substring> = []
  ) {
    let lines = result.error.split(separator: "\n")
    #expect(Set(lines).count == lines.count)
    #expect(others.isSubset(of: lines))
    let told = machine.allNames.reduce(0) { $0 + self.lines(of: $1, result).count }
    #expect(lines.count == told + others.count, "\(result.error)")
  }
}

/// Which violations are made up: as the environment says, which `make hostile` sets.
private struct HostileSpree {
  /// How many `make test` has made.
  static let usualCount = 2000

  let seed = Self.number("SEED") ?? Int.random(in: 1..<1 << 32)
  let first = Self.number("FIRST") ?? 0
  let count = Self.number("COUNT") ?? usualCount

  var options: String { "seed=\(seed) first=\(first) count=\(count)" }

  private static func number(_ name: String) -> Int? {
    guard let text = ProcessInfo.processInfo.environment["SWIFTLET_HOSTILE_\(name)"], !text.isEmpty else {
      return nil
    }
    guard let number = Int(text), number >= 0 else { fatalError("\(name)=\(text) is no number") }
    return number
  }
}
