import Backends
import Bench
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

/// What a card's cable goes to: a descriptor at which a frame stands behind a few bytes, as a program of the host
/// would use it too.
private struct Cable {
  let name: String
  let backend: any NetBackend
  let number: Int32
  let prefix: [UInt8]
  /// Takes away what was sent.
  let drain: () throws -> Void
  /// Has a batch of frames lie there to be received.
  let fill: () throws -> Void
}

enum NetMeasures {
  static func measure(_ bench: InProcess, _ findings: inout DeviceFindings) throws {
    var results: [SideBySide.Result] = []
    for length in Frames.lengths { results += try socket(bench, length) }
    if bench.hasNetwork { for length in Frames.lengths { results += try tap(bench, length) } }
    findings.add(results)
  }

  /// The user-mode backend's socket, with its other end in this process.
  private static func socket(_ bench: InProcess, _ length: Int) throws -> [SideBySide.Result] {
    let (ours, theirs) = try UnixSocket.pair()
    defer { for number in [ours, theirs] { _ = FileDescriptor(owning: number) } }
    let prefix = [0, 0, UInt8(length >> 8), UInt8(length & 0xFF)]
    let framed = prefix + Frames.frame(length)
    let stream = try HostBuffer(count: framed.count * CardRig.batch)
    for index in 0..<CardRig.batch { stream.write(framed, at: index * framed.count) }
    return try compare(
      bench, length,
      Cable(
        name: "network, user mode", backend: FrameSocket(duplicating: ours, goingOnWith: FrameRemainders()),
        number: ours, prefix: prefix, drain: { stream.drain(theirs) },
        fill: { try stream.write(theirs, stream.count) }))
  }

  /// A tap, whose interface drops what is sent.
  private static func tap(_ bench: InProcess, _ length: Int) throws -> [SideBySide.Result] {
    let tap = try Tap("bench\(length)", waits: false)
    let socket = try tap.socket()
    defer { _ = FileDescriptor(owning: socket) }
    let outgoing = try HostBuffer(count: length)
    outgoing.write(Frames.frame(length))
    return try compare(
      bench, length,
      Cable(
        name: "network, tap", backend: TapDevice(FileDescriptor(duplicating: tap.number)), number: tap.number,
        prefix: [UInt8](repeating: 0, count: NetHeader.size), drain: {},
        fill: { for _ in 0..<CardRig.batch { try outgoing.write(socket, length) } }))
  }

  private static func compare(
    _ bench: InProcess, _ length: Int, _ cable: Cable
  ) throws -> [SideBySide.Result] {
    let (batch, first) = (CardRig.batch, cable.prefix.count)
    let rig = try CardRig(cable.backend, frame: Frames.frame(length))
    let buffer = try HostBuffer(count: 1 << 16)
    buffer.write(cable.prefix + Frames.frame(length))
    let results = [
      try bench.measure(
        SideBySide(
          name: "\(cable.name): send \(length) bytes", operations: batch, bytes: length,
          device: Way(prepare: cable.drain) { try rig.transmit.submitEach(batch) },
          host: Way(prepare: cable.drain) {
            for _ in 0..<batch { try buffer.write(cable.number, first + length, first: first) }
          })),
      try bench.measure(
        SideBySide(
          name: "\(cable.name): receive \(length) bytes, \(batch) at hand", operations: batch, bytes: length,
          device: Way(prepare: {
            try rig.receive.offer(batch)
            try cable.fill()
          }) { rig.takeFrames() },
          host: Way(prepare: cable.fill) {
            for _ in 0..<batch { try buffer.read(cable.number, first + length) }
          })),
    ]
    try rig.check()
    return results
  }
}
