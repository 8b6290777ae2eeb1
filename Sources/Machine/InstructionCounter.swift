import KVM
import LinuxSystem

/// Counts the guest instructions that KVM interpreted on all processors, where it keeps such a count (statistic
/// `insn_emulation`): the cost of a boot on hosts that interpret the guest's kernel, the same on every run.
final class InstructionCounter: Sendable {
  /// An array cannot hold owners of descriptors: a class for each.
  private final class Source: Sendable {
    let statistics: Statistics
    init(_ statistics: consuming Statistics) { self.statistics = statistics }
  }

  private let sources = Lock<[Source]>([])

  /// Adds a new processor; one whose host keeps no statistics counts nothing.
  func add(_ vcpu: borrowing VCPU) {
    guard let statistics = try? Statistics(vcpu) else { return }
    let source = Source(statistics)
    sources.withLock { $0.append(source) }
  }

  /// The count so far; nil where there is none.
  var total: UInt64? {
    sources.withLock { sources in
      var total: UInt64?
      for source in sources {
        if let count = try? source.statistics.value("insn_emulation") { total = (total ?? 0) &+ count }
      }
      return total
    }
  }
}
