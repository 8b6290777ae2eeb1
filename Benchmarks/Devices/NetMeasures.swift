import Backends
import BenchSupport
import CBench
import DeviceFakes
import Devices
import GuestMemory
import LinuxSystem

/// A network card with frames to send at hand, and buffers to receive into.
private final class CardRig {
  /// Frames that go one after the other, before the other end is served.
  static let batch = 16
  /// As Linux offers them: a short frame or one of 1,514 bytes needs one, and all hold more than the longest frame.
  private static let buffers = 128
  private static let bufferSize = 1536

  let transmit: Chains
  let receive: Chains
  private let device: NetDevice

  /// - Parameter frame: what is sent.
  init(_ backend: any NetBackend, frame: [UInt8]) throws {
    device = NetDevice(backend: backend, macAddress: [0x52, 0x54, 0, 0, 0, 1])
    let driver = try FakeDriver(device)
    try driver.start(queues: 2)
    transmit = try Chains(driver, queue: 1)
    receive = try Chains(driver, queue: 0)
    let header = try driver.readable([UInt8](repeating: 0, count: NetHeader.size))
    for _ in 0..<Self.batch { try transmit.add([header, driver.readable(frame)]) }
    for _ in 0..<Self.buffers { try receive.add([driver.writable(Self.bufferSize)]) }
    try receive.offer(Self.buffers)
  }

  /// Has the device look for frames, as the I/O thread does when there are any, until it finds no more.
  func takeFrames() {
    while device.noteReadable() {}
    receive.expect(Self.batch)
  }

  func check() throws {
    try transmit.checkDone()
    try receive.checkDone()
  }
}

enum NetMeasures {
  private static let lengths = [64, 1514]

  static func measure(_ bench: InProcess, _ report: inout Report) throws {
    report.heading("Network: one frame, in µs")
    var results: [Comparison.Result] = []
    for length in lengths { results += try socket(bench, length) }
    let code = cbench_leave_network()
    if code == 0 { for length in lengths { results += try tap(bench, length) } }
    report.table(results)
    if code != 0 { print("\nNo tap: this needs to be root, or to have CAP_NET_ADMIN and CAP_SYS_ADMIN.") }
  }

  /// Of a kind that nobody listens to, for somebody else.
  private static func frame(_ length: Int) -> [UInt8] {
    [0x52, 0x54, 0, 0, 0, 9, 0x52, 0x54, 0, 0, 0, 1, 0x88, 0xB5] + [UInt8](repeating: 7, count: length - 14)
  }

  /// The user-mode backend's socket, with its other end in this process.
  private static func socket(_ bench: InProcess, _ length: Int) throws -> [Comparison.Result] {
    let (ours, theirs) = try UnixSocket.pair()
    defer { for number in [ours, theirs] { _ = FileDescriptor(owning: number) } }
    let rig = try CardRig(
      FrameSocket(duplicating: ours, goingOnWith: FrameRemainders()), frame: frame(length))
    let framed = [0, 0, UInt8(length >> 8), UInt8(length & 0xFF)] + frame(length)
    let stream = try HostBuffer(count: framed.count * CardRig.batch)
    for index in 0..<CardRig.batch { stream.write(framed, at: index * framed.count) }
    let drain = { stream.drain(theirs) }
    let fill = { try stream.write(theirs, stream.count) }
    defer { withExtendedLifetime(rig) {} }
    let results = [
      try bench.measure(
        Comparison(
          name: "user mode: send \(length) bytes", operations: CardRig.batch, bytes: length,
          device: Way(prepare: drain) { try rig.transmit.submitEach(CardRig.batch) },
          host: Way(prepare: drain) {
            for _ in 0..<CardRig.batch { try stream.write(ours, framed.count, first: 4) }
          })),
      try bench.measure(
        Comparison(
          name: "user mode: receive \(length) bytes, \(CardRig.batch) at hand", operations: CardRig.batch,
          bytes: length,
          device: Way(prepare: {
            try rig.receive.offer(CardRig.batch)
            try fill()
          }) { rig.takeFrames() },
          host: Way(prepare: fill) { for _ in 0..<CardRig.batch { try stream.read(ours, framed.count) } })),
    ]
    try rig.check()
    return results
  }

  /// Keeps the host from sending frames of its own, as about its neighbours.
  private static func quieten(_ interface: String) {
    let setting = "/proc/sys/net/ipv6/conf/\(interface)/disable_ipv6"
    // Not there where the host has no IPv6.
    guard let file = try? FileDescriptor(opening: setting, 1) else { return }
    try? file.writeAll(Array("1".utf8))
  }

  /// A tap in a network of its own.
  private static func tap(_ bench: InProcess, _ length: Int) throws -> [Comparison.Result] {
    let name = "bench\(length)"
    let tap = try TapInterface.open(name)
    quieten(name)
    try TapInterface.start(name, mtu: nil)
    let sender = cbench_frame_socket(name)
    guard sender >= 0 else { throw Failure("no packet socket: error \(-sender)") }
    let number = tap.raw
    defer { _ = FileDescriptor(owning: sender) }
    let rig = try CardRig(TapDevice(tap.duplicate()), frame: frame(length))
    let total = NetHeader.size + length
    let buffer = try HostBuffer(count: 1 << 16)
    let outgoing = try HostBuffer(count: length)
    outgoing.write(frame(length))
    buffer.write([UInt8](repeating: 0, count: NetHeader.size) + frame(length))
    let fill = {
      for _ in 0..<CardRig.batch { try outgoing.write(sender, length) }
    }
    let results = [
      try bench.measure(
        Comparison(
          name: "tap: send \(length) bytes", operations: CardRig.batch, bytes: length,
          device: Way { try rig.transmit.submitEach(CardRig.batch) },
          host: Way { for _ in 0..<CardRig.batch { try buffer.write(number, total, first: NetHeader.size) } })
      ),
      try bench.measure(
        Comparison(
          name: "tap: receive \(length) bytes, \(CardRig.batch) at hand", operations: CardRig.batch,
          bytes: length,
          device: Way(prepare: {
            try rig.receive.offer(CardRig.batch)
            try fill()
          }) { rig.takeFrames() },
          host: Way(prepare: fill) { for _ in 0..<CardRig.batch { try buffer.read(number, total) } })),
    ]
    withExtendedLifetime(tap) {}
    try rig.check()
    return results
  }
}
