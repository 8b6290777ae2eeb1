import Platform

/// Bytes that go out and come back each time: few, and many.
private let short: UInt32 = 64
private let longFrame: UInt32 = 1514
private let longPacket: UInt32 = 4096
/// Frames, and packets, that fill the queue and are told of by one notification.
private let frames: UInt16 = 32
private let packets: UInt16 = 16

/// Sends frames; who has the other end sends them back.
func measureNetwork(_ device: VirtioDevice, _ count: UInt64, isSecond: Bool) -> Bool {
  let header: UInt32 = 12
  let mergedBuffers: UInt64 = 1 << 15
  guard let features = device.negotiate(Feature.eventIndex | mergedBuffers) else { return false }
  // As Linux has them: each for an ordinary frame, all together for more than the longest.
  var pool = Pool(device, VirtioQueue(0, size: 64, features: features), size: 1536)
  var transmit = VirtioQueue(1, size: frames, features: features)
  guard device.attach(pool.queue), device.attach(transmit) else { return false }
  device.run()
  pool.fill()
  let start = Arena.take(2048 &* UInt64(frames), cleared: false)
  for number in 0..<UInt64(frames) {
    store16(start &+ 2048 &* number &+ 24, 0xb588)  // an EtherType for experiments
  }
  func echo(_ index: UInt64, _ length: UInt32, together: UInt16 = 1) -> Bool {
    var frame = start
    for number in 0..<together {
      store64(frame &+ 32, index &+ UInt64(number))
      transmit.begin(at: number)
      transmit.add(frame, header &+ length)
      transmit.push()
      frame &+= 2048
    }
    transmit.kick(device, count: together)
    for number in 0..<UInt64(together) {
      let isGood = pool.next { address, written in
        written == header &+ length && load64(address &+ 32) == index &+ number
      }
      if isGood != true { return false }
    }
    for _ in 0..<together where transmit.take() == nil { return false }
    return true
  }
  let subject = Subject.device(device)
  let (one, long, many): (Work, Work, Work) =
    isSecond ? (.tapEcho, .longTapEcho, .tapEchoes) : (.networkEcho, .longNetworkEcho, .networkEchoes)
  one.measure(count, subject) { echo($0, short) }
  long.measure(count, subject) { echo($0, longFrame) }
  many.measure(min(count, Many.bursts), subject) { echo($0, longFrame, together: frames) }
  return true
}

/// Sends bytes to the host's echo port; who listens there sends them back.
func measureSocket(_ device: VirtioDevice, _ count: UInt64) -> Bool {
  guard var socket = SocketDriver(device), socket.connect() else { return false }
  let data = Arena.take(UInt64(longPacket))
  func echo(_ index: UInt64, _ length: UInt32, together: UInt16 = 1) -> Bool {
    store64(data, index)
    return socket.send(Socket.Operation.data, data, length, together: together)
      && socket.receive(length &* UInt32(together), first: index)
  }
  let subject = Subject.device(device)
  Work.socketEcho.measure(count, subject) { echo($0, short) }
  Work.longSocketEcho.measure(count, subject) { echo($0, longPacket) }
  Work.socketEchoes.measure(min(count, Many.bursts), subject) { echo($0, longPacket, together: packets) }
  return true
}

/// One connection of a socket device (virtio 1.2, section 5.10).
struct SocketDriver {
  private let device: VirtioDevice
  private var pool: Pool
  private var transmit: VirtioQueue
  private let header: UInt64
  private var received: UInt32 = 0

  init?(_ device: VirtioDevice) {
    guard let features = device.negotiate(Feature.eventIndex) else { return nil }
    self.device = device
    pool = Pool(
      device, VirtioQueue(0, size: 32, features: features), size: UInt64(Socket.headerSize &+ longPacket))
    transmit = VirtioQueue(1, size: 2 &* packets, features: features)
    header = Arena.take(UInt64(Socket.headerSize))
    let events = VirtioQueue(2, size: 4, features: features)
    guard device.attach(pool.queue), device.attach(transmit), device.attach(events) else { return nil }
    var writer = Writer(at: header)
    var request = SocketHeader(device, Socket.Operation.request, from: 1000)
    request.allocation = 1 << 18  // as Linux has it
    request.write(&writer)
    device.run()
    pool.fill()
  }

  mutating func connect() -> Bool {
    guard send(Socket.Operation.request, 0, 0) else { return false }
    return pool.next { address, _ in load16(address &+ Socket.operationPlace) == Socket.Operation.response }
      ?? false
  }

  /// Sends a packet, or several that are all the same.
  mutating func send(_ operation: UInt16, _ data: UInt64, _ count: UInt32, together: UInt16 = 1) -> Bool {
    store32(header &+ Socket.lengthPlace, count)
    store16(header &+ Socket.operationPlace, operation)
    store32(header &+ Socket.forwardedPlace, received)
    for number in 0..<together {
      transmit.begin(at: 2 &* number)
      transmit.add(header, Socket.headerSize)
      if count > 0 { transmit.add(data, count) }
      transmit.push()
    }
    transmit.kick(device, count: together)
    for _ in 0..<together where transmit.take() == nil { return false }
    return true
  }

  /// Takes as many bytes, which may come in parts; false where they do not begin with `first`, or none come.
  mutating func receive(_ count: UInt32, first: UInt64) -> Bool {
    var left = count
    while left > 0 {
      let isStart = left == count
      let part = pool.next { address, _ -> UInt32? in
        switch load16(address &+ Socket.operationPlace) {
        case Socket.Operation.data:
          let good = !isStart || load64(address &+ UInt64(Socket.headerSize)) == first
          return good ? load32(address &+ Socket.lengthPlace) : nil
        case Socket.Operation.creditUpdate: return 0
        default: return nil
        }
      }
      guard let part, let part, part <= left else { return false }
      left &-= part
      received &+= part
    }
    return true
  }
}
