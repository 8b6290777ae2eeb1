import DeviceFakes
import Devices
import GuestMemory
import Testing

private let receive = 0
private let transmit = 1

private enum Bit {
  static let checksum: UInt64 = 1 << 0
  static let guestChecksum: UInt64 = 1 << 1
  static let mtu: UInt64 = 1 << 3
  static let mac: UInt64 = 1 << 5
  static let guestTCP4: UInt64 = 1 << 7
  static let guestTCP6: UInt64 = 1 << 8
  static let guestECN: UInt64 = 1 << 9
  static let hostTCP4: UInt64 = 1 << 11
  static let hostTCP6: UInt64 = 1 << 12
  static let hostECN: UInt64 = 1 << 13
  static let merge: UInt64 = 1 << 15
  static let status: UInt64 = 1 << 16
  static let offloads =
    checksum | guestChecksum | guestTCP4 | guestTCP6 | guestECN | hostTCP4 | hostTCP6 | hostECN
}

@Suite("virtio-net")
struct NetTests {
  static let mac: [UInt8] = [2, 0, 0, 0, 0, 9]

  private func frame(_ count: Int, seed: Int = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8 &+ seed) }
  }

  private func start(
    _ net: FakeNet, mtu: UInt16? = nil, without: UInt64 = 0, receiveGate: RateGate? = nil,
    transmitGate: RateGate? = nil
  ) throws -> (FakeDriver, NetDevice) {
    let device = NetDevice(
      backend: net, macAddress: Self.mac, mtu: mtu, receiveGate: receiveGate, transmitGate: transmitGate)
    let driver = try FakeDriver(device)
    try driver.start(queues: 2, without: without)
    return (driver, device)
  }

  /// Makes receive buffers available.
  private func offer(_ driver: FakeDriver, _ counts: [Int]) throws -> [FakeDriver.Buffer] {
    let buffers = counts.map { driver.writable($0) }
    for buffer in buffers { try driver.makeAvailable(receive, driver.writeChain(receive, [buffer])) }
    driver.notify(receive)
    return buffers
  }

  // MARK: What is offered

  @Test func theCardTellsItsAddressAndSize() throws {
    let (driver, _) = try start(FakeNet(), mtu: 1400)
    let fields = (0..<12).map { driver.bus.read(address: FakeDriver.window + 0x100 + $0, width: .byte) }
    #expect(fields.map { UInt8($0) } == Self.mac + [1, 0, 1, 0] + [0x78, 0x05])
    #expect(driver.offeredFeatures & Bit.mtu != 0)
    #expect(driver.offeredFeatures & (Bit.mac | Bit.merge | Bit.status) == Bit.mac | Bit.merge | Bit.status)
  }

  @Test func offloadsAreOfferedOnlyWhereTheHostHasThem() throws {
    let (plain, _) = try start(FakeNet())
    #expect(plain.offeredFeatures & (Bit.offloads | Bit.mtu) == 0)
    let net = FakeNet(offloads: .all)
    let (full, _) = try start(net)
    #expect(full.offeredFeatures & Bit.offloads == Bit.offloads)
    #expect(net.leftToGuest == [.all])
  }

  @Test func offloadsWithoutWhatTheyNeedAreNotInForce() throws {
    let net = FakeNet(offloads: .all)
    _ = try start(net, without: Bit.guestChecksum)
    #expect(net.leftToGuest == [[]])
    _ = try start(net, without: Bit.guestTCP4 | Bit.guestTCP6)
    #expect(net.leftToGuest.last == .checksum)
  }

  // MARK: From the guest

  @Test(arguments: [false, true]) func aFrameIsSentHoweverItIsCut(inPieces: Bool) throws {
    let net = FakeNet()
    let (driver, _) = try start(net)
    let data = frame(1514)
    let bytes = netHeader() + data
    let cuts = inPieces ? [0, 1, 11, 13, 700, bytes.count] : [0, bytes.count]
    let buffers = try zip(cuts, cuts.dropFirst()).map { try driver.readable(Array(bytes[$0..<$1])) }
    #expect(try driver.submit(transmit, buffers) == [.init(head: 0, written: 0)])
    #expect(net.sent == [.init(header: NetHeader(), bytes: data)])
    #expect(net.flushes > 0)
  }

  @Test func whatCannotBeAFrameIsDropped() throws {
    let net = FakeNet()
    let (driver, _) = try start(net)
    for count in [0, 13, NetDevice.frameLimit + 1] {
      #expect(try driver.submit(transmit, [driver.readable(netHeader() + frame(count))]).count == 1)
    }
    #expect(net.sent.isEmpty)
    #expect(
      try driver.submit(transmit, [driver.readable(netHeader() + frame(NetDevice.frameLimit))]).count == 1)
    #expect(net.sent.map(\.bytes.count) == [NetDevice.frameLimit])
    #expect(driver.takeViolations() == [])
  }

  @Test func aChainWithoutRoomForTheHeaderEndsTheDevice() throws {
    let (driver, _) = try start(FakeNet())
    #expect(try driver.submit(transmit, [driver.readable(frame(11))]) == [])
    #expect(driver.takeViolations() == [.requestLayout])
    let (other, _) = try start(FakeNet())
    _ = try other.submit(transmit, [other.readable(netHeader() + frame(60)), other.writable(4)])
    #expect(other.takeViolations() == [.requestLayout])
  }

  @Test func theHostSeesOnlyWhatIsRightInAHeader() throws {
    let net = FakeNet(offloads: .all)
    let (driver, _) = try start(net)
    func send(_ header: [UInt8], _ count: Int = 100) throws -> NetHeader? {
      let before = net.sent.count
      #expect(try driver.submit(transmit, [driver.readable(header + frame(count))]).count == 1)
      return net.sent.count > before ? net.sent.last?.header : nil
    }
    // Rubbish beside no request is not passed on.
    #expect(
      try send(netHeader(flags: 0xFE, length: 7, segment: 8, start: 9, offset: 10, buffers: 11))
        == NetHeader())
    let sum = netHeader(flags: 1, start: 34, offset: 16)
    #expect(try send(sum) == NetHeader(bytes: sum))
    #expect(try send(netHeader(flags: 1, start: 82, offset: 16)) != nil, "the last two bytes")
    let segments = netHeader(flags: 1, kind: 0x81, length: 54, segment: 1448, start: 34, offset: 16)
    #expect(try send(segments) == NetHeader(bytes: segments))
    // A hint beyond the frame is cut.
    let long = netHeader(flags: 1, kind: 4, length: 65535, segment: 1, start: 54, offset: 16)
    #expect(try send(long)?.headerLength == 100)
    #expect(driver.takeViolations() == [])
    let wrong = [
      netHeader(flags: 1, start: 83, offset: 16), netHeader(flags: 1, start: 13, offset: 16),
      netHeader(flags: 1, start: 65535, offset: 65535), netHeader(kind: 1, segment: 1448),
      netHeader(flags: 1, kind: 1, segment: 0, start: 34, offset: 16),
      netHeader(flags: 1, kind: 3, segment: 9, start: 34, offset: 6),
      netHeader(flags: 1, kind: 0x80, segment: 9, start: 34, offset: 6),
      netHeader(flags: 1, kind: 2, segment: 9, start: 34, offset: 6),
    ]
    for header in wrong { #expect(try send(header) == nil, "\(header)") }
    #expect(driver.takeViolations() == [.frameHeader], "reported once")
    #expect(try send(netHeader()) == NetHeader(), "the device goes on")
  }

  @Test func whatWasNotAgreedOnIsNotSent() throws {
    let net = FakeNet(offloads: .all)
    let (driver, _) = try start(net, without: Bit.hostTCP4 | Bit.hostECN)
    let refused = [
      netHeader(flags: 1, kind: 1, segment: 1448, start: 34, offset: 16),
      netHeader(flags: 1, kind: 0x84, segment: 1448, start: 34, offset: 16),
    ]
    for header in refused { _ = try driver.submit(transmit, [driver.readable(header + frame(100))]) }
    #expect(net.sent.isEmpty)
    let allowed = netHeader(flags: 1, kind: 4, segment: 1448, start: 34, offset: 16)
    _ = try driver.submit(transmit, [driver.readable(allowed + frame(100))])
    #expect(net.sent.count == 1)
    let plain = FakeNet()
    let (other, _) = try start(plain)
    _ = try other.submit(
      transmit, [other.readable(netHeader(flags: 1, start: 34, offset: 16) + frame(100))])
    #expect(plain.sent.isEmpty)
    #expect(other.takeViolations() == [.frameHeader])
  }

  @Test func framesWaitForAHostThatTakesNone() throws {
    let net = FakeNet()
    let (driver, device) = try start(net)
    net.room = 1
    for index in 0..<3 {
      let chain = try driver.writeChain(transmit, [driver.readable(netHeader() + frame(60, seed: index))])
      try driver.makeAvailable(transmit, chain)
    }
    driver.notify(transmit)
    #expect(try driver.takeUsed(transmit).count == 1)
    net.room = 5
    #expect(!device.resumeTransmit())
    #expect(try driver.takeUsed(transmit).count == 2)
    #expect(net.sent.map(\.bytes) == (0..<3).map { frame(60, seed: $0) })
  }

  // MARK: To the guest

  @Test func aFrameLiesBehindItsHeader() throws {
    let net = FakeNet()
    let (driver, device) = try start(net)
    let buffer = try offer(driver, [2000])[0]
    net.incoming = [(frame(1000), NetHeader())]
    #expect(!device.noteReadable())
    #expect(try driver.takeUsed(receive) == [.init(head: 0, written: 1012)])
    #expect(try driver.bytes(buffer, 1012) == netHeader(buffers: 1) + frame(1000))
  }

  @Test func aLongFrameTakesSeveralBuffers() throws {
    let net = FakeNet()
    let (driver, device) = try start(net)
    let buffers = try offer(driver, [100, 12, 60, 100, 500])
    net.incoming = [(frame(200), NetHeader()), (frame(14, seed: 3), NetHeader())]
    #expect(!device.noteReadable())
    #expect(
      try driver.takeUsed(receive) == [
        .init(head: 0, written: 100), .init(head: 1, written: 12), .init(head: 2, written: 60),
        .init(head: 3, written: 40), .init(head: 4, written: 26),
      ])
    let parts = try zip(buffers, [100, 12, 60, 40]).flatMap { try driver.bytes($0, $1) }
    #expect(parts == netHeader(buffers: 4) + frame(200))
    #expect(try driver.bytes(buffers[4], 26) == netHeader(buffers: 1) + frame(14, seed: 3))
  }

  @Test func theLongestFrameFitsManySmallBuffers() throws {
    let net = FakeNet(offloads: .all)
    let (driver, device) = try start(net)
    let buffers = try offer(driver, [Int](repeating: 1526, count: 60))
    let header = netHeader(flags: 1, kind: 1, length: 54, segment: 1448, start: 34, offset: 16)
    net.incoming = [(frame(NetDevice.frameLimit), NetHeader(bytes: header))]
    #expect(!device.noteReadable())
    let used = try driver.takeUsed(receive)
    #expect(used.count == 43)
    let bytes = try zip(buffers, used).flatMap { try driver.bytes($0, Int($1.written)) }
    #expect(Array(bytes[12...]) == frame(NetDevice.frameLimit))
    #expect(Array(bytes[..<10]) == Array(header[..<10]))
    #expect(bytes[10] == 43)
  }

  @Test func withoutMergingAFrameMustFitOneBuffer() throws {
    let net = FakeNet()
    let (driver, device) = try start(net, without: Bit.merge)
    let buffers = try offer(driver, [100, 1526])
    net.incoming = [(frame(200), NetHeader()), (frame(88), NetHeader()), (frame(1514), NetHeader())]
    #expect(!device.noteReadable())
    #expect(try driver.takeUsed(receive).map(\.written) == [100, 1526])
    #expect(net.dropped == 1)
    #expect(try driver.bytes(buffers[0]) == netHeader(buffers: 1) + frame(88))
  }

  @Test func aFrameWaitsForBuffersTheDriverWillGiveAgain() throws {
    let net = FakeNet()
    let (driver, device) = try start(net)
    _ = try offer(driver, [500, 500, 500])
    net.incoming = [(frame(900), NetHeader()), (frame(900), NetHeader())]
    #expect(!device.noteReadable())
    #expect(try driver.takeUsed(receive).count == 2)
    #expect(net.incoming.count == 1, "it had room for such a frame once")
    _ = try offer(driver, [500])
    #expect(try driver.takeUsed(receive).count == 2)
    #expect(net.incoming.isEmpty)
    // It never had room for this one.
    _ = try offer(driver, [500, 500])
    net.incoming = [(frame(5000), NetHeader()), (frame(50), NetHeader())]
    #expect(!device.noteReadable())
    #expect(net.dropped == 1)
    #expect(try driver.takeUsed(receive).map(\.written) == [62])
  }

  @Test func aBufferWithoutRoomForTheHeaderEndsTheDevice() throws {
    let net = FakeNet()
    let (driver, device) = try start(net)
    net.incoming = [(frame(60), NetHeader())]
    _ = try offer(driver, [11])
    #expect(driver.takeViolations() == [.requestLayout])
    #expect(!device.noteReadable())
    #expect(try driver.takeUsed(receive) == [])
  }

  @Test func theGuestSeesNoOffloadItDidNotAccept() throws {
    let net = FakeNet(offloads: .all)
    let (driver, device) = try start(net, without: Bit.guestChecksum)
    let buffer = try offer(driver, [2000])[0]
    net.incoming = [(frame(60), NetHeader(bytes: netHeader(flags: 2)))]
    #expect(!device.noteReadable())
    #expect(try driver.bytes(buffer, 12) == netHeader(buffers: 1))
  }

  @Test func aResetForgetsKeptBuffers() throws {
    let net = FakeNet()
    let (driver, device) = try start(net)
    _ = try offer(driver, [500, 500, 500])
    net.incoming = [(frame(60), NetHeader())]
    #expect(!device.noteReadable())
    try driver.start(queues: 2)
    net.incoming = [(frame(60), NetHeader())]
    #expect(!device.noteReadable())
    #expect(try driver.takeUsed(receive) == [])
    _ = try offer(driver, [500])
    #expect(try driver.takeUsed(receive) == [.init(head: 0, written: 72)])
  }

  @Test func manyFramesLetOthersHaveTheirTurn() throws {
    let net = FakeNet()
    let (driver, device) = try start(net)
    _ = try offer(driver, [Int](repeating: 100, count: 200))
    net.incoming = (0..<200).map { (frame(60, seed: $0), NetHeader()) }
    #expect(!device.noteReadable())
    #expect(try driver.takeUsed(receive).count == 200)
    _ = try offer(driver, [Int](repeating: 7000, count: 200))
    net.incoming = (0..<200).map { (frame(6500, seed: $0), NetHeader()) }
    #expect(device.noteReadable(), "there is more than a megabyte")
    while device.resumeReceive() {}
    #expect(net.incoming.isEmpty)
  }

  @Test func aLostLinkIsTold() throws {
    let (driver, device) = try start(FakeNet())
    let generation = driver.read(FakeDriver.Register.generation)
    device.loseLink()
    #expect(driver.bus.read(address: FakeDriver.window + 0x106, width: .word) == 0)
    #expect(driver.read(FakeDriver.Register.interruptStatus) & 2 != 0)
    #expect(driver.read(FakeDriver.Register.generation) != generation)
  }

  // MARK: Rate limits

  @Test func theRateOfSentFramesIsLimited() throws {
    let net = FakeNet()
    let alarm = FakeAlarm()
    let limiter = RateLimiter(
      bandwidth: TokenBucket(size: 100, refillTime: 1_000_000), operations: nil)
    let (driver, device) = try start(net, transmitGate: RateGate(limiter, alarm: alarm))
    for _ in 0..<3 {
      let chain = try driver.writeChain(transmit, [driver.readable(netHeader() + frame(50))])
      try driver.makeAvailable(transmit, chain)
    }
    driver.notify(transmit)
    #expect(net.sent.count == 2)
    #expect(alarm.ringsAt == alarm.now + 500_000)
    driver.notify(transmit)
    #expect(net.sent.count == 2)
    #expect(alarm.ring())
    #expect(!device.resumeTransmit())
    #expect(net.sent.count == 3)
    #expect(try driver.takeUsed(transmit).count == 3)
  }

  @Test func theRateOfReceivedFramesIsLimited() throws {
    let net = FakeNet()
    let alarm = FakeAlarm()
    let limiter = RateLimiter(
      bandwidth: nil, operations: TokenBucket(size: 2, oneTimeBurst: 1, refillTime: 1_000_000))
    let (driver, device) = try start(net, receiveGate: RateGate(limiter, alarm: alarm))
    _ = try offer(driver, [Int](repeating: 200, count: 8))
    net.incoming = (0..<5).map { (frame(60, seed: $0), NetHeader()) }
    #expect(!device.noteReadable())
    #expect(net.incoming.count == 2)
    #expect(alarm.ring())
    #expect(!device.resumeReceive())
    #expect(net.incoming.count == 1)
    #expect(alarm.ring())
    #expect(!device.resumeReceive())
    #expect(net.incoming.isEmpty)
  }
}
