import Glibc
import LinuxSystem

extension HostReport {
  /// What lies outside KVM. Nothing of it keeps a guest from booting.
  static func environment() -> [Item] {
    [tap(), hugePages(), lockedMemory(), callFilter(), landlock(), namespaces()]
  }

  private static func tap() -> Item {
    let path = "/dev/net/tun"
    do throws(SystemError) {
      _ = try FileDescriptor(opening: path, O_RDWR)
      return Item(path, .ok, "usable")
    } catch {
      let mend =
        switch error.code {
        case ENOENT, ENODEV, ENXIO: "load it: sudo modprobe tun; --net user needs none"
        case EACCES, EPERM:
          "use --net user, which needs none, or let a group of yours read and write it: "
            + "sudo chgrp kvm \(path), sudo chmod 660 \(path)"
        default: "use --net user, which needs none"
        }
      return Item(path, .notice, "\(error.reason): no taps for guests", mend: mend)
    }
  }

  private static func hugePages() -> Item {
    let folder = "/sys/kernel/mm/transparent_hugepage"
    let mode = text(of: folder + "/enabled") ?? ""
    // The mode in force stands in brackets.
    let current = mode.split(separator: "[").last?.split(separator: "]").first.map { String($0) } ?? ""
    let reserved = text(of: "/proc/sys/vm/nr_hugepages")?.filter(\.isNumber) ?? "0"
    let value = "transparent: \(mode.isEmpty ? "not built in" : current), reserved: \(reserved)"
    let isOff = mode.isEmpty || current == "never"
    return Item(
      "huge pages", isOff ? .notice : .ok, value, mend: "echo madvise | sudo tee \(folder)/enabled")
  }

  private static func lockedMemory() -> Item {
    let name = "lockable memory"
    let limits = text(of: "/proc/self/limits") ?? ""
    let line = limits.split(separator: "\n").first { $0.hasPrefix("Max locked memory") }
    guard let soft = line?.dropFirst("Max locked memory".count).split(separator: " ").first else {
      return Item(name, .notice, "unknown: /proc/self/limits does not tell", mend: "mount /proc")
    }
    return Item(name, .ok, (UInt64(soft).map { "\($0 >> 20) MiB" } ?? String(soft)) + ", guests need none")
  }

  private static func callFilter() -> Item {
    CallFilter.isAvailable
      ? Item("seccomp", .ok, "filters of system calls")
      : Item(
        "seccomp", .missing, "not built in: the monitor cannot confine itself",
        mend: "use a kernel with CONFIG_SECCOMP_FILTER, or --no-confinement for guests that are trusted")
  }

  private static func landlock() -> Item {
    let name = "Landlock"
    switch Landlock.version {
    case 0:
      return Item(
        name, .notice, "not available: shares are kept apart by openat2 alone",
        mend: "use a kernel with CONFIG_SECURITY_LANDLOCK, and landlock in its parameter lsm=")
    case 1:
      return Item(
        name, .notice, "version 1: guests cannot move or link files between directories of a share",
        mend: "use Linux 5.19 or newer")
    case let version: return Item(name, .ok, "version \(version)")
    }
  }

  /// By making them: settings that forbid it are several, and differ between distributions.
  private static func namespaces() -> Item {
    let name = "user namespaces"
    do throws(SystemError) {
      guard let process = try ForkedProcess.fork(into: .all) else {
        do throws(SystemError) { try Mounts.separate() } catch { _exit(1) }
        _exit(0)
      }
      if process.wait() == .exited(0) { return Item(name, .ok, "usable: --jail works") }
      return Item(name, .notice, "without rights in them: no --jail", mend: namespaceMend)
    } catch {
      return Item(name, .notice, "\(error.reason): no --jail", mend: namespaceMend)
    }
  }

  private static let namespaceMend =
    "allow them: sudo sysctl user.max_user_namespaces=10000, and where there is such a setting "
    + "kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0"

  private static func text(of path: String) -> String? {
    guard let file = try? FileDescriptor(opening: path, O_RDONLY),
      let bytes = try? file.read(upTo: 1 << 14)
    else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }
}
