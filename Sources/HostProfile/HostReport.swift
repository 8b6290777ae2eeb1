import Glibc
import KVM
import LinuxSystem

/// What this host offers to virtual machines, and how to mend what is missing.
public struct HostReport: Sendable {
  public enum Status: String, Sendable {
    case ok
    /// Machines run, but something is slow or not available to them.
    case notice
    /// No machine can be run.
    case missing
  }

  public struct Item: Sendable, Equatable {
    public let name: String
    public let status: Status
    /// What was found, in a few words.
    public let value: String
    /// What to do about it; empty where there is nothing to do.
    public let mend: String

    public init(_ name: String, _ status: Status, _ value: String, mend: String = "") {
      (self.name, self.status, self.value, self.mend) = (name, status, value, status == .ok ? "" : mend)
    }
  }

  public let items: [Item]

  /// Whether a guest can be booted: nothing is missing.
  public var canBoot: Bool { items.allSatisfy { $0.status != .missing } }

  init(items: [Item]) { self.items = items }

  /// Looks at the host and runs some micro-guests; takes a few hundredths of a second.
  /// - Parameters:
  ///   - mostProcessors: that a machine may have whatever KVM offers.
  ///   - others: of the caller, told last.
  public static func make(mostProcessors: Int, and others: [Item]) -> HostReport {
    var items = [HostReport.processor()]
    do throws(SystemError) {
      let kvm = try KVM()
      items.append(Item("/dev/kvm", .ok, "usable, API version 12"))
      items += capabilities(of: kvm, mostProcessors)
      if items.allSatisfy({ $0.status != .missing }) { items += BackendProbes.items(kvm) }
    } catch {
      items.append(unusable(error))
    }
    return HostReport(items: items + environment() + others)
  }

  private static func processor() -> Item {
    if Processor.hasHardwareVirtualization {
      return Item("hardware virtualization", .ok, "offered by the processor")
    }
    return Item(
      "hardware virtualization", .notice, "not offered by the processor: guests run with work-arounds",
      mend: "turn it on in the firmware, or use a cloud machine with nested virtualization")
  }

  private static func unusable(_ error: SystemError) -> Item {
    let path = KVM.path
    let (value, mend) =
      switch error.code {
      case ENOENT, ENODEV, ENXIO:
        (
          error.reason,
          "load KVM: sudo modprobe kvm_intel, or kvm_amd; in a container, pass the device on: --device \(path)"
        )
      case EACCES, EPERM: (error.reason, permissionMend)
      case EBUSY: (error.reason, "end the other hypervisor that uses the processor's virtualization")
      case ENOTTY:
        ("another device has this name", "put KVM's in its place: sudo rm \(path), sudo modprobe kvm")
      case EPROTO: ("speaks \(error.operand) of its API, not 12", "use a newer kernel on the host")
      default: ("\(error)", "see dmesg for what KVM says")
      }
    return Item(path, .missing, value, mend: mend)
  }

  /// Right also where the group has the device already.
  private static var permissionMend: String {
    "let the group kvm use it, and join that: sudo chgrp kvm \(KVM.path), sudo chmod 660 \(KVM.path), "
      + "sudo usermod -aG kvm \"$USER\", then log in again"
  }

  private static func capabilities(of kvm: borrowing KVM, _ mostProcessors: Int) -> [Item] {
    var needed = Capability.needed
    if HostWorkarounds.areNeeded { needed += Capability.neededWithoutHardware }
    var absent: [String] = []
    for (capability, name) in needed where kvm.check(capability) == 0 { absent.append(name) }
    let newer = "use a newer kernel on the host"
    var items = [
      absent.isEmpty
        ? Item("needed capabilities", .ok, "all \(needed.count)")
        : Item("needed capabilities", .missing, absent.joined(separator: ", ") + " missing", mend: newer)
    ]
    for (capability, name, use) in optional {
      let isThere = kvm.check(capability) > 0
      items.append(
        Item(name, isThere ? .ok : .notice, isThere ? "available" : "missing: \(use)", mend: newer))
    }
    let (most, advised) = (kvm.check(.maximumVCPUs), kvm.check(.recommendedVCPUs))
    items.append(
      Item(
        "processors per machine", .ok,
        "up to \(min(max(most, advised, 1), mostProcessors)), \(min(max(advised, 1), mostProcessors)) advised"
      ))
    return items
  }

  private static let optional: [(Capability, String, String)] = [
    (.tscDeadlineTimer, "KVM_CAP_TSC_DEADLINE_TIMER", "guests use the slower timer of the local APIC"),
    (.binaryStatistics, "KVM_CAP_BINARY_STATS_FD", "no counts of what a guest did"),
  ]
}
