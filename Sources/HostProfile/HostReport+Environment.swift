import Glibc
import LinuxSystem

extension HostReport {
  /// What lies outside KVM. Nothing of it keeps a guest from booting.
  static func environment() -> [Item] { [tap(), hugePages(), lockedMemory()] }

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

  private static func text(of path: String) -> String? {
    guard let file = try? FileDescriptor(opening: path, O_RDONLY),
      let bytes = try? file.read(upTo: 1 << 14)
    else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }
}
