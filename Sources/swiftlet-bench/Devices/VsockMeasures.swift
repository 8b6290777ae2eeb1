import Backends
import Bench
import DeviceFakes
import Devices
import Glibc
import GuestMemory
import LinuxSystem

/// A connection of a guest with a program of the host.
private final class ConnectionRig {
  static let batch = 8
  private static let guestCID: UInt32 = 3
  private static let guestPort: UInt32 = 1000
  private static let hostPort: UInt32 = 5000
  private static let headerSize = 44

  let transmit: Chains
  let receive: Chains
  /// The program's end.
  let program: Int32
  private let control: UInt64
  private let device: VsockDevice
  private let socket: VsockSocket
  private let loop: EventLoop
  private let length: Int
  private var taken: UInt32 = 0

  /// - Parameter length: bytes in each packet.
  init(in folder: String, length: Int) throws {
    self.length = length
    let path = "\(folder)/vsock\(length)"
    socket = try VsockSocket(path: path)
    device = VsockDevice(guestCID: Self.guestCID, host: socket)
    loop = try EventLoop()
    try socket.begin(on: loop) { [unowned device] in device.open($0, toPort: $1) }
    let listener = try UnixSocket.listening(at: "\(path)_\(Self.hostPort)")
    let driver = try FakeDriver(device)
    try driver.start(queues: 3)
    receive = try Chains(driver, queue: 0)
    transmit = try Chains(driver, queue: 1)
    for _ in 0..<Self.batch { try receive.add([driver.writable(Self.headerSize + length)]) }
    // The first place of the queue is for packets without data.
    let packet = try driver.readable(Self.packet(.request, 0))
    control = packet.address
    try transmit.add([packet])
    for _ in 0..<Self.batch {
      let header = try driver.readable(Self.packet(.data, length))
      try transmit.add([header, driver.readable([UInt8](repeating: 7, count: length))])
    }
    // For the answer.
    try receive.offer(1)
    receive.expect(1)
    try transmit.submit(0)
    guard case let found? = try UnixSocket.accept(from: listener) else {
      throw Failure("the device does not connect")
    }
    program = found.release()
  }

  deinit { _ = FileDescriptor(owning: program) }

  private enum Operation: UInt16 { case request = 1, data = 5, creditUpdate = 6 }

  private static func packet(_ operation: Operation, _ length: Int, taken: UInt32 = 0) -> [UInt8] {
    var bytes: [UInt8] = []
    for number in [UInt64(guestCID), 2] { bytes.put(number) }
    for number in [guestPort, hostPort, UInt32(length)] { bytes.put(number) }
    for number in [1, operation.rawValue] { bytes.put(number) }
    for number in [0, 1 << 18, taken] { bytes.put(number) }
    return bytes
  }

  func send() throws { for place in 1...Self.batch { try transmit.submit(place) } }

  /// Gives the device room for as many packets as a batch has, and tells it that those before were taken. The device
  /// does not look for it yet.
  func offer() throws {
    let update = Self.packet(.creditUpdate, 0, taken: taken)
    try transmit.driver.memory.copyIn(update, to: GuestAddress(control))
    try transmit.submit(0)
    try receive.offer(Self.batch)
  }

  /// Has the device fill the room.
  func takePackets() {
    transmit.driver.notify(0)
    receive.expect(Self.batch)
    taken &+= UInt32(Self.batch * length)
  }

  func check() throws {
    try transmit.checkDone()
    try receive.checkDone()
  }
}

enum VsockMeasures {
  static func measure(_ bench: InProcess, _ findings: inout DeviceFindings) throws {
    var results: [SideBySide.Result] = []
    for length in [64, 4096] { results += try one(bench, length) }
    findings.add(results)
  }

  private static func one(_ bench: InProcess, _ length: Int) throws -> [SideBySide.Result] {
    let batch = ConnectionRig.batch
    let rig = try ConnectionRig(in: bench.folder.path, length: length)
    let (ours, theirs) = try UnixSocket.pair()
    defer { for number in [ours, theirs] { _ = FileDescriptor(owning: number) } }
    let buffer = try HostBuffer(count: batch * length)
    let results = [
      try bench.measure(
        SideBySide(
          name: "vsock: guest to host, \(length) bytes", operations: batch, bytes: length,
          device: Way(prepare: { buffer.drain(rig.program) }) { try rig.send() },
          host: Way(prepare: { buffer.drain(theirs) }) {
            for _ in 0..<batch { try buffer.write(ours, length) }
          })),
      try receive(bench, rig, buffer, length, ours, theirs),
    ]
    try rig.check()
    return results
  }

  private static func receive(
    _ bench: InProcess, _ rig: ConnectionRig, _ buffer: HostBuffer, _ length: Int, _ ours: Int32,
    _ theirs: Int32
  ) throws -> SideBySide.Result {
    let batch = ConnectionRig.batch
    buffer.drain(theirs)
    // One packet more than is taken lies there all the time: the device need not be told that there are some.
    for socket in [rig.program, ours] { try buffer.write(socket, length) }
    return try bench.measure(
      SideBySide(
        name: "vsock: host to guest, \(length) bytes, \(batch) at hand", operations: batch, bytes: length,
        device: Way(prepare: {
          try buffer.write(rig.program, batch * length)
          try rig.offer()
        }) { rig.takePackets() },
        host: Way(prepare: { try buffer.write(ours, batch * length) }) {
          for _ in 0..<batch { try buffer.read(theirs, length) }
        }))
  }
}
