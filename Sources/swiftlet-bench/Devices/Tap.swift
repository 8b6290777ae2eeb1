import Bench
import CBench
import Glibc
import LinuxSystem

/// A tap in this process's own network, and what is at the interface's other side.
final class Tap {
  let name: String
  private var end: FileDescriptor?
  private var echo: Echo?
  /// The process's end.
  let number: Int32

  /// - Parameter waits: whether a call on the process's end waits.
  init(_ name: String, waits: Bool = true) throws {
    self.name = name
    let tap = try TapInterface.open(name)
    try tap.setNonBlocking(!waits)
    number = tap.raw
    end = consume tap
    Tap.quieten(name)
    try TapInterface.start(name, mtu: nil)
  }

  deinit {
    // What waits for frames learns of the end by it.
    end = nil
    echo = nil
  }

  /// Has the interface's other side send back what comes.
  func sendBack() throws { echo = try Echo(socket()) }

  /// Keeps the host from sending frames of its own, as about its neighbours.
  private static func quieten(_ interface: String) {
    let setting = "/proc/sys/net/ipv6/conf/\(interface)/disable_ipv6"
    // Not there where the host has no IPv6.
    guard let file = try? FileDescriptor(opening: setting, O_WRONLY) else { return }
    try? file.writeAll(Array("1".utf8))
  }

  /// A new socket whose writes are frames to the tap's process, and which reads those of ``Frames/kind`` from there.
  func socket() throws -> Int32 {
    let socket = cbench_frame_socket(name, Frames.kind)
    guard socket >= 0 else { throw Failure("no packet socket: error \(-socket)") }
    return socket
  }
}

/// Ethernet frames of a kind that nobody listens to, for somebody else.
enum Frames {
  /// An EtherType for experiments.
  static let kind: UInt16 = 0x88B5
  /// Bytes of the shortest and of an ordinary long one.
  static let lengths = [64, 1514]

  static func frame(_ length: Int) -> [UInt8] {
    let addresses: [UInt8] = [0x52, 0x54, 0, 0, 0, 9, 0x52, 0x54, 0, 0, 0, 1]
    return addresses + [UInt8(kind >> 8), UInt8(kind & 0xFF)] + [UInt8](repeating: 7, count: length - 14)
  }
}
