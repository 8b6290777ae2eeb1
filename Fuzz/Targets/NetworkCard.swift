import Backends
import DeviceFakes
import Devices
import GuestMemory
import LinuxSystem

extension FuzzTarget {
  /// A network card: the first byte says what its host can do, and what both limits are.
  static func virtioNet(_ bytes: [UInt8]) throws {
    let first = bytes.first ?? 0
    let net = FakeNet(offloads: NetOffloads(rawValue: first & 15))
    let alarm = FakeAlarm()
    let bucket = TokenBucket(size: UInt64(first >> 4) * 1000, refillTime: 1_000_000)
    func gate() -> RateGate { RateGate(RateLimiter(bandwidth: bucket, operations: bucket), alarm: alarm) }
    let device = NetDevice(
      backend: net, macAddress: [2, 0, 0, 0, 0, 1], mtu: first & 16 == 0 ? nil : 1400, receiveGate: gate(),
      transmitGate: gate())
    func goOn() {
      while device.resumeTransmit() {}
      while device.noteReadable() {}
    }
    let (driver, watch) = try run(bytes, device, queues: 2) { script in
      switch script.byte() % 4 {
      case 0:
        let count = 1 + Int(script.value() % UInt64(NetDevice.frameLimit))
        let header = script.bytes(12)
        net.incoming.append(
          (
            [UInt8](repeating: 0x5A, count: count),
            header.count == 12 ? NetHeader(bytes: header) : NetHeader()
          ))
        goOn()
      case 1: net.room = Int(script.byte())
      case 2:
        _ = alarm.ring()
        goOn()
      default: device.loseLink()
      }
    }
    for frame in net.sent {
      try check(
        (14...NetDevice.frameLimit).contains(frame.bytes.count), "a frame of \(frame.bytes.count) bytes")
      try check(
        frame.header.flags <= 1 && frame.header.isInside(frame.bytes.count), "\(frame.header) was let through"
      )
    }
    // An honest driver is served as ever, as soon as the limits allow it.
    net.room = .max
    net.incoming = [([UInt8](repeating: 1, count: 60), NetHeader())]
    let before = net.sent.count
    let buffer = driver.writable(2000)
    var received = try driver.submit(0, [buffer])
    var sent = try driver.submit(1, [driver.readable([UInt8](repeating: 0, count: 12 + 60))])
    while alarm.ring() {
      goOn()
      received += try driver.takeUsed(0)
      sent += try driver.takeUsed(1)
    }
    try check(received == [.init(head: 0, written: 72)], "no more frames for the guest")
    try check(
      try driver.bytes(buffer, 72).suffix(60) == [UInt8](repeating: 1, count: 60)[...], "another frame")
    try check(sent.count == 1 && net.sent.count == before + 1, "no more frames from the guest")
    try watch.check()
  }
}

extension NetHeader {
  /// Whether it names places only in a frame of so many bytes.
  fileprivate func isInside(_ count: Int) -> Bool {
    let end = flags & 1 == 0 ? 0 : Int(checksumStart) + Int(checksumOffset) + 2
    return end <= count && Int(headerLength) <= count
      && (segmentKind == 0 || (segmentSize > 0 && flags & 1 == 1))
  }
}

extension FuzzTarget {
  private static let guestMemory = try? GuestMemory(size: 1 << 20)

  /// What a program at the other end of a frame socket sends, in pieces of any size: the frames are those that the
  /// stream holds, up to the first length that cannot be.
  static func frameSocket(_ bytes: [UInt8]) throws {
    guard let memory = guestMemory else { return }
    let ends = try UnixSocket.pair()
    let ours = FileDescriptor(owning: ends.0)
    let peer = FileDescriptor(owning: ends.1)
    try peer.setNonBlocking(true)
    let socket = try FrameSocket(duplicating: ours.raw, goingOnWith: FrameRemainders())
    socket.begin(leavingToGuest: [])
    let room = [try memory.slice(at: GuestAddress(0), count: UInt64(NetDevice.frameLimit))]
    var script = Script(bytes)
    var stream: [UInt8] = []
    var frames: [[UInt8]] = []
    while !script.isAtEnd {
      let count = 1 + script.number(below: 40)
      // Mostly a whole frame, else any bytes.
      let body = script.bytes(count)
      let piece = script.byte() % 8 == 0 ? body : [0, 0, 0, UInt8(body.count)] + body
      if piece.isEmpty { continue }
      // Full: behind a length that cannot be nobody reads.
      guard (try? peer.writeAll(piece)) != nil else { break }
      stream += piece
      while case .frame(let count, _) = socket.receive(into: room, of: memory) {
        frames.append(Array(memory.bytes(room[0]).prefix(count)))
      }
    }
    try check(frames == expectedFrames(stream[...]), "other frames than were sent")
  }

  private static func expectedFrames(_ stream: ArraySlice<UInt8>) -> [[UInt8]] {
    var (rest, frames) = (stream, [[UInt8]]())
    while rest.count >= 4 {
      let count = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      guard (1...NetDevice.frameLimit).contains(count), rest.count >= 4 + count else { break }
      frames.append(Array(rest.dropFirst(4).prefix(count)))
      rest = rest.dropFirst(4 + count)
    }
    return frames
  }
}
