import CLinux
import Glibc

/// Network interfaces of the host whose cable ends in a process (tap).
public enum TapInterface {
  public static let path = "/dev/net/tun"
  /// The most bytes of an interface's name.
  public static let nameLimit = Int(IFNAMSIZ) - 1

  /// Whether the host has an interface of that name, of any kind.
  public static func exists(_ name: String) -> Bool { if_nametoindex(name) != 0 }

  /// The process's end of the tap `name`, which is made where there is none, and then gone when the descriptor is
  /// closed. Reads and writes are one frame each behind a virtio header of 12 bytes, and do not wait.
  /// - Throws: EPERM where it may not be used or made, EBUSY where another process has it, EINVAL where `name` is an
  ///   interface of another kind.
  public static func open(_ name: String) throws(SystemError) -> FileDescriptor {
    let tap = try FileDescriptor(opening: path, O_RDWR | O_NONBLOCK)
    _ = try checked(clinux_tap_attach(tap.raw, name), "ioctl", "TUNSETIFF \(name)")
    _ = try checked(clinux_tap_header_size(tap.raw, 12), "ioctl", "TUNSETVNETHDRSZ \(name)")
    return tap
  }

  /// Makes the interface ready for use.
  /// - Parameter mtu: the largest IP packet on it in bytes; nil leaves it as it is.
  public static func start(_ name: String, mtu: UInt16?) throws(SystemError) {
    let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = FileDescriptor(
      owning: Int32(try checking("socket", "AF_INET") { Int(Glibc.socket(AF_INET, kind, 0)) }))
    if let mtu {
      _ = try checked(clinux_link_set_mtu(socket.raw, name, Int32(mtu)), "ioctl", "SIOCSIFMTU \(name)")
    }
    _ = try checked(clinux_link_set_up(socket.raw, name), "ioctl", "SIOCSIFFLAGS \(name)")
  }

  /// What the reader of a tap can deal with: TUN_F_* in `<linux/if_tun.h>`.
  public struct Offloads: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let checksum = Offloads(rawValue: 1)
    public static let tcp4Segments = Offloads(rawValue: 2)
    public static let tcp6Segments = Offloads(rawValue: 4)
    public static let congestionBits = Offloads(rawValue: 8)
  }

  /// From here on frames that are read may lack what `offloads` names.
  public static func leave(_ offloads: Offloads, to tap: borrowing FileDescriptor) throws(SystemError) {
    _ = try checked(clinux_tap_offload(tap.raw, offloads.rawValue), "ioctl", "TUNSETOFFLOAD")
  }
}
