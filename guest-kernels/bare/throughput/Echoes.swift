import Platform

/// Bytes that go out and come back each time: few, and many.
private let short: UInt32 = 64
private let longFrame: UInt32 = 1514
private let longPacket: UInt32 = 4096

/// Sends a frame; who has the other end sends it back.
func measureNetwork(_ device: VirtioDevice, _ count: UInt64) -> Bool {
  let header: UInt32 = 12
  guard let features = device.negotiate(Feature.eventIndex) else { return false }
  var pool = Pool(
    device, VirtioQueue(0, size: 8, features: features), size: UInt64(header) &+ 2048)
  var transmit = VirtioQueue(1, size: 8, features: features)
  guard device.attach(pool.queue), device.attach(transmit) else { return false }
  device.run()
  pool.fill()
  let frame = Arena.take(UInt64(header &+ longFrame))
  store16(frame &+ 24, 0xb588)  // an EtherType for experiments
  func echo(_ index: UInt64, _ length: UInt32) -> Bool {
    store64(frame &+ 32, index)
    transmit.begin()
    transmit.add(frame, header &+ length)
    guard transmit.complete(device) != nil else { return false }
    return pool.next { address, written in
      written == header &+ length && load64(address &+ 32) == index
    } ?? false
  }
  Work.networkEcho.measure(count, .device(device)) { echo($0, short) }
  Work.longNetworkEcho.measure(count, .device(device)) { echo($0, longFrame) }
  return true
}

/// Sends bytes to port 5000 of the host; who listens there sends them back.
func measureSocket(_ device: VirtioDevice, _ count: UInt64) -> Bool {
  guard var socket = SocketDriver(device), socket.connect() else { return false }
  let data = Arena.take(UInt64(longPacket))
  func echo(_ index: UInt64, _ length: UInt32) -> Bool {
    store64(data, index)
    return socket.send(.data, data, length) && socket.receive(length, first: index)
  }
  Work.socketEcho.measure(count, .device(device)) { echo($0, short) }
  Work.longSocketEcho.measure(count, .device(device)) { echo($0, longPacket) }
  return true
}

/// One connection of a socket device (virtio 1.2, section 5.10).
struct SocketDriver {
  enum Operation: UInt16 { case request = 1, response, reset, shutdown, data, creditUpdate, creditRequest }

  private static let headerSize: UInt32 = 44
  private static let room: UInt32 = 1 << 16

  private let device: VirtioDevice
  private var pool: Pool
  private var transmit: VirtioQueue
  private let header: UInt64
  private var received: UInt32 = 0

  init?(_ device: VirtioDevice) {
    guard let features = device.negotiate(Feature.eventIndex) else { return nil }
    self.device = device
    pool = Pool(
      device, VirtioQueue(0, size: 8, features: features), size: UInt64(SocketDriver.headerSize &+ longPacket)
    )
    transmit = VirtioQueue(1, size: 8, features: features)
    header = Arena.take(UInt64(SocketDriver.headerSize))
    let events = VirtioQueue(2, size: 4, features: features)
    guard device.attach(pool.queue), device.attach(transmit), device.attach(events) else { return nil }
    store64(header, UInt64(device.read(Register.config)))  // from the guest's address
    store64(header &+ 8, 2)  // to the host
    store32(header &+ 16, 1000)
    store32(header &+ 20, 5000)
    store16(header &+ 28, 1)  // a stream
    store32(header &+ 36, SocketDriver.room)
    device.run()
    pool.fill()
  }

  mutating func connect() -> Bool {
    guard send(.request, 0, 0) else { return false }
    return pool.next { address, _ in load16(address &+ 30) == Operation.response.rawValue } ?? false
  }

  mutating func send(_ operation: Operation, _ data: UInt64, _ count: UInt32) -> Bool {
    store32(header &+ 24, count)
    store16(header &+ 30, operation.rawValue)
    store32(header &+ 40, received)
    transmit.begin()
    transmit.add(header, SocketDriver.headerSize)
    if count > 0 { transmit.add(data, count) }
    return transmit.complete(device) != nil
  }

  /// Takes as many bytes, which may come in parts; false where they do not begin with `first`, or none come.
  mutating func receive(_ count: UInt32, first: UInt64) -> Bool {
    var left = count
    while left > 0 {
      let isStart = left == count
      let part = pool.next { address, _ -> UInt32? in
        switch load16(address &+ 30) {
        case Operation.data.rawValue:
          let good = !isStart || load64(address &+ UInt64(SocketDriver.headerSize)) == first
          return good ? load32(address &+ 24) : nil
        case Operation.creditUpdate.rawValue: return 0
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
