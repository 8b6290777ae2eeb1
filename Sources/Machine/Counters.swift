import KVM
import LinuxSystem
import Synchronization

/// What was counted on all processors of a machine so far: by KVM, where it keeps statistics, and by the monitor.
final class Counters: Sendable {
  enum Extent {
    /// Guest instructions that KVM interpreted: the cost of a boot on hosts that interpret the guest's kernel, the same
    /// on every run.
    case instructions
    /// Those; what made a processor leave its guest, by kind; and what the monitor was asked for then.
    case all
  }

  /// What the monitor is asked for by an exit.
  enum Service { case port, read, write, other }

  /// An array cannot hold owners of descriptors: a class for each.
  private final class Source: Sendable {
    let statistics: Statistics
    init(_ statistics: consuming Statistics) { self.statistics = statistics }
  }

  /// KVM's names, the guest's instructions first.
  private let statistics: [String]
  private let extent: Extent
  private let sources = Lock<[Source]>([])
  private let ports = Atomic<UInt64>(0)
  private let reads = Atomic<UInt64>(0)
  private let writes = Atomic<UInt64>(0)
  private let others = Atomic<UInt64>(0)

  init(_ extent: Extent) {
    self.extent = extent
    let kinds = [
      "exits", "io_exits", "mmio_exits", "halt_exits", "hypercalls", "irq_exits", "irq_window_exits",
      "signal_exits",
    ]
    statistics = ["insn_emulation"] + (extent == .all ? kinds : [])
  }

  /// What is counted, by name: KVM's own names, then the monitor's.
  var names: [String] {
    statistics
      + (extent == .all
        ? ["monitor_ports", "monitor_mmio_reads", "monitor_mmio_writes", "monitor_others"] : [])
  }

  /// Adds a new processor; one whose host keeps no statistics counts nothing.
  func add(_ vcpu: borrowing VCPU) {
    guard let statistics = try? Statistics(vcpu) else { return }
    let source = Source(statistics)
    sources.withLock { $0.append(source) }
  }

  @inline(__always)
  func count(_ service: Service) {
    switch service {
    case .port: ports.wrappingAdd(1, ordering: .relaxed)
    case .read: reads.wrappingAdd(1, ordering: .relaxed)
    case .write: writes.wrappingAdd(1, ordering: .relaxed)
    case .other: others.wrappingAdd(1, ordering: .relaxed)
    }
  }

  /// The counts so far, one a name; nil for those that this KVM does not keep.
  var totals: [UInt64?] {
    let totals = sources.withLock { sources in
      statistics.map { name in
        var total: UInt64?
        for source in sources {
          if let count = (try? source.statistics.value(name)) ?? nil { total = (total ?? 0) &+ count }
        }
        return total
      }
    }
    guard extent == .all else { return totals }
    return totals + [
      ports.load(ordering: .relaxed), reads.load(ordering: .relaxed), writes.load(ordering: .relaxed),
      others.load(ordering: .relaxed),
    ]
  }
}
