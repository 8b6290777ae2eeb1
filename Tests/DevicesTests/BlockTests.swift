import DeviceFakes
import Devices
import GuestMemory
import Testing

/// Requests as a driver makes them.
struct BlockRequests {
  let driver: FakeDriver

  static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  func header(_ kind: UInt32, _ sector: UInt64) -> [UInt8] {
    Self.bytes(kind) + [0, 0, 0, 0] + Self.bytes(sector)
  }

  /// Does a request and returns its status, or nil if the device used nothing.
  func request(
    _ kind: UInt32, _ sector: UInt64 = 0, _ data: [FakeDriver.Buffer] = [], queue: Int = 0
  ) throws -> UInt8? {
    let status = driver.writable(1)
    try driver.memory.store(UInt8(0xEE), at: GuestAddress(status.address))
    let used = try driver.submit(queue, [driver.readable(header(kind, sector))] + data + [status])
    return used.isEmpty ? nil : try driver.bytes(status)[0]
  }

  struct Segment {
    var sector: UInt64
    var count: UInt32
    var flags: UInt32 = 0
  }

  /// A discard (11) or write zeroes (13) request.
  func change(_ kind: UInt32, _ segments: [Segment]) throws -> UInt8? {
    try request(kind, 0, [driver.readable(segments.flatMap(Self.bytes))])
  }

  /// The same of one segment, as a chain that the device is not told of.
  func chain(_ kind: UInt32, _ segment: Segment) throws -> UInt16 {
    try driver.writeChain(
      0, [driver.readable(header(kind, 0)), driver.readable(Self.bytes(segment)), driver.writable(1)])
  }

  private static func bytes(_ segment: Segment) -> [UInt8] {
    bytes(segment.sector) + bytes(segment.count) + bytes(segment.flags)
  }
}

@Suite struct BlockDeviceTests {
  func start(_ store: FakeStore, queues: Int = 1, gate: RateGate? = nil, without: UInt64 = 0) throws
    -> (BlockRequests, FakeDriver, BlockDevice)
  {
    let device = BlockDevice(store: store, queues: queues, gate: gate)
    let driver = try FakeDriver(device)
    try driver.start(queues: queues, without: without)
    return (BlockRequests(driver: driver), driver, device)
  }

  @Test func readsWritesAndFlushes() throws {
    let store = FakeStore(sectors: 16)
    let (block, driver, _) = try start(store)
    #expect(driver.bus.read(address: FakeDriver.window + 0x100, width: .quad) == 16)
    let into = [driver.writable(100), driver.writable(924)]
    #expect(try block.request(0, 2, into) == 0)
    #expect(try driver.bytes(into[0]) + driver.bytes(into[1]) == Array(store.bytes[1024..<2048]))
    let new = [UInt8](repeating: 0xAB, count: 512)
    #expect(try block.request(1, 15, [driver.readable(new)]) == 0)
    #expect(Array(store.bytes[7680...]) == new)
    #expect(store.flushes == 0)
    #expect(try block.request(4) == 0)
    #expect(store.flushes == 1)
    let serial = driver.writable(20)
    #expect(try block.request(8, 0, [serial]) == 0)
    #expect(try driver.bytes(serial, 8) == Array("serial\0\0".utf8))
    #expect(try block.request(99) == 2)
    #expect(driver.takeViolations().isEmpty)
  }

  @Test func refusesWhatIsOutsideTheDisk() throws {
    let (block, driver, _) = try start(FakeStore(sectors: 16))
    #expect(try block.request(0, 16, [driver.writable(512)]) == 1)
    #expect(try block.request(0, 15, [driver.writable(1024)]) == 1)
    #expect(try block.request(0, .max, [driver.writable(512)]) == 1)
    let zeros = [UInt8](repeating: 0, count: 512)
    #expect(try block.request(1, .max / 512, [driver.readable(zeros)]) == 1)
    #expect(try block.request(0, 0, [driver.writable(511)]) == 1)
    #expect(try block.request(0, 0, [driver.writable(512)]) == 0)
  }

  @Test func failuresAndReadOnlyDisksGiveErrors() throws {
    let store = FakeStore(sectors: 4, isReadOnly: true)
    let (block, driver, _) = try start(store)
    #expect(driver.offeredFeatures & 0xFFFF == 1 << 2 | 1 << 5 | 1 << 9)
    #expect(try block.request(1, 0, [driver.readable([UInt8](repeating: 1, count: 512))]) == 1)
    #expect(store.bytes[0] == 0)
    store.fails = true
    #expect(try block.request(0, 0, [driver.writable(512)]) == 1)
    #expect(try block.request(4) == 1)
  }

  @Test func writesAreStableForADriverWithoutFlush() throws {
    let store = FakeStore(sectors: 4)
    let (block, driver, _) = try start(store, without: 1 << 9)
    #expect(try block.request(1, 0, [driver.readable([UInt8](repeating: 1, count: 512))]) == 0)
    #expect(store.stableWrites == 1)
  }

  // MARK: Discard and write zeroes

  @Test func discardsEverySegment() throws {
    let store = FakeStore(sectors: 16)
    let (block, driver, _) = try start(store)
    #expect(driver.offeredFeatures & 0xFFFF == 1 << 2 | 1 << 9 | 1 << 13 | 1 << 14)
    let segments = [
      BlockRequests.Segment(sector: 1, count: 2), .init(sector: 5, count: 0), .init(sector: 15, count: 1),
    ]
    #expect(try block.change(11, segments) == 0)
    #expect(
      store.changes == [
        .init(offset: 512, count: 1024, mayUnmap: true), .init(offset: 7680, count: 512, mayUnmap: true),
      ])
    #expect(try block.change(13, [.init(sector: 3, count: 2)]) == 0)
    #expect(try block.change(13, [.init(sector: 4, count: 1, flags: 1)]) == 0)
    #expect(
      Array(store.changes[2...]) == [
        .init(offset: 1536, count: 1024, mayUnmap: false), .init(offset: 2048, count: 512, mayUnmap: true),
      ])
  }

  static let good = BlockRequests.Segment(sector: 0, count: 1)

  @Test(
    arguments: [
      // Reserved flags, and the one that only write zeroes has.
      (11, [good, .init(sector: 0, count: 1, flags: 1)], 2),
      (11, [good, .init(sector: 0, count: 1, flags: 2)], 2),
      (13, [.init(sector: 0, count: 1, flags: 0x8000_0001)], 2),
      // Outside the disk, above the limit, none, too many.
      (11, [good, .init(sector: 16, count: 1)], 1), (11, [good, .init(sector: 15, count: 2)], 1),
      (11, [.init(sector: .max, count: 1)], 1), (11, [.init(sector: 0, count: .max)], 1),
      (11, [.init(sector: .max, count: .max)], 1), (11, [], 1),
      (11, [BlockRequests.Segment](repeating: good, count: 33), 1),
      (13, [], 1), (13, [good, good], 1), (13, [.init(sector: 1 << 40, count: 1)], 1),
    ] as [(UInt32, [BlockRequests.Segment], UInt8)])
  func badSegmentsChangeNothing(kind: UInt32, segments: [BlockRequests.Segment], status: UInt8) throws {
    let store = FakeStore(sectors: 16)
    let (block, driver, _) = try start(store)
    #expect(try block.change(kind, segments) == status)
    #expect(store.changes == [])
    #expect(driver.takeViolations().isEmpty)
  }

  @Test func segmentsAboveTheLimitAreRefused() throws {
    let store = FakeStore(zeroSectors: 40_000)
    let (block, driver, _) = try start(store)
    let field = FakeDriver.window + 0x100
    #expect(driver.bus.read(address: field + 36, width: .double) == 524_288)
    #expect(driver.bus.read(address: field + 40, width: .double) == 32)
    #expect(driver.bus.read(address: field + 48, width: .double) == 32_768)
    #expect(driver.bus.read(address: field + 52, width: .double) == 1)
    #expect(driver.bus.read(address: field + 56, width: .byte) == 1)
    #expect(try block.change(13, [.init(sector: 0, count: 32_769)]) == 1)
    #expect(store.changes == [])
    #expect(try block.change(13, [.init(sector: 0, count: 32_768)]) == 0)
    #expect(store.changes.count == 1)
  }

  @Test func halfSegmentsAreRefused() throws {
    let store = FakeStore(sectors: 16)
    let (block, driver, _) = try start(store)
    for count in [1, 15, 17] {
      #expect(try block.request(11, 0, [driver.readable([UInt8](repeating: 0, count: count))]) == 1)
    }
    #expect(store.changes == [])
  }

  @Test func changesNeedTheFeatureAStoreAndAWritableDisk() throws {
    let store = FakeStore(sectors: 16)
    var block = try start(store, without: 3 << 13).0
    #expect(try block.change(11, [Self.good]) == 2)
    #expect(try block.change(13, [Self.good]) == 2)
    store.isSimple = true
    block = try start(store).0
    #expect(try block.change(11, [Self.good]) == 2)
    (store.isSimple, store.fails) = (false, true)
    #expect(try block.change(13, [Self.good]) == 1)
    block = try start(FakeStore(sectors: 16, isReadOnly: true)).0
    #expect(try block.change(11, [Self.good]) == 2)
  }

  // MARK: What is shown of the disk

  @Test func largeBlocksAndManyQueuesAreOffered() throws {
    let store = FakeStore(sectors: 16, blockSize: 4096)
    let (block, driver, _) = try start(store, queues: 3)
    #expect(driver.offeredFeatures & (1 << 6 | 1 << 12) == 1 << 6 | 1 << 12)
    #expect(driver.bus.read(address: FakeDriver.window + 0x100 + 20, width: .double) == 4096)
    #expect(driver.bus.read(address: FakeDriver.window + 0x100 + 34, width: .word) == 3)
    for queue in 0..<3 { #expect(try block.request(0, 1, [driver.writable(512)], queue: queue) == 0) }
    driver.write(FakeDriver.Register.queueSelect, 3)
    #expect(driver.read(FakeDriver.Register.queueSizeMax) == 0)
  }

  @Test func growthIsShown() throws {
    let store = FakeStore(sectors: 16)
    let (block, driver, device) = try start(store)
    #expect(try block.request(0, 16, [driver.writable(512)]) == 1)
    let generation = driver.read(FakeDriver.Register.generation)
    driver.write(FakeDriver.Register.interruptAcknowledge, 3)
    store.grow(sectors: 4)
    device.lengthChanged()
    #expect(driver.read(FakeDriver.Register.interruptStatus) == 2)
    #expect(driver.read(FakeDriver.Register.generation) != generation)
    #expect(driver.bus.read(address: FakeDriver.window + 0x100, width: .quad) == 20)
    #expect(try block.request(0, 19, [driver.writable(512)]) == 0)
    // Before a driver is there, it is only noted.
    driver.write(FakeDriver.Register.status, 0)
    store.grow(sectors: 1)
    device.lengthChanged()
    #expect(driver.read(FakeDriver.Register.interruptStatus) == 0)
    #expect(driver.bus.read(address: FakeDriver.window + 0x100, width: .quad) == 21)
  }

  // MARK: Pending requests

  @Test func pendingRequestsEndInAnyOrderLater() throws {
    let store = FakeStore(sectors: 16)
    store.isSlow = true
    let (block, driver, device) = try start(store, queues: 2)
    let into = driver.writable(512)
    #expect(try block.request(0, 3, [into]) == nil)
    #expect(try block.request(4, queue: 1) == nil)
    #expect(store.pending.count == 2)
    driver.write(FakeDriver.Register.interruptAcknowledge, 3)
    store.finish()
    #expect(try driver.takeUsed(0).isEmpty)
    #expect(driver.read(FakeDriver.Register.interruptStatus) == 0)
    device.publishFinished()
    #expect(try driver.takeUsed(0) == [.init(head: 0, written: 513)])
    #expect(try driver.takeUsed(1) == [.init(head: 0, written: 1)])
    #expect(driver.read(FakeDriver.Register.interruptStatus) == 1)
    #expect(try driver.bytes(into) == Array(store.bytes[1536..<2048]))
    #expect(try block.request(0, 3, [into]) == nil)
    store.finish(.failed)
    device.publishFinished()
    #expect(try driver.takeUsed(0).map(\.written) == [1])
  }

  @Test func answersAfterAResetAreForNobody() throws {
    let store = FakeStore(sectors: 16)
    store.isSlow = true
    let (block, driver, device) = try start(store)
    #expect(try block.request(0, 3, [driver.writable(512)]) == nil)
    let late = store.pending[0]
    driver.write(FakeDriver.Register.status, 0)
    #expect(store.settled == 1)
    device.finished(late, .done)
    device.publishFinished()
    try driver.start()
    #expect(try block.request(0, 3, [driver.writable(512)]) == nil)
    #expect(store.pending != [late])
    device.finished(late, .done)
    device.finished(.max, .done)
    device.finished(127, .done)
    device.publishFinished()
    #expect(try driver.takeUsed(0).isEmpty)
    store.finish()
    device.publishFinished()
    #expect(try driver.takeUsed(0) == [.init(head: 0, written: 513)])
    // A second answer to the same is none.
    device.finished(late, .done)
    #expect(driver.takeViolations().isEmpty)
  }

  @Test func noMoreThanSoManyArePending() throws {
    let store = FakeStore(sectors: 16)
    store.isSlow = true
    let (block, driver, device) = try start(store, queues: 8)
    for index in 0..<136 { #expect(try block.request(4, queue: index % 8) == nil) }
    #expect(store.pending.count == 128)
    store.finish()
    device.publishFinished()
    for queue in 0..<8 { driver.host.notify(queue: queue) }
    #expect(store.pending.count == 8)
    store.finish()
    device.publishFinished()
    #expect(try (0..<8).map { try driver.takeUsed($0).count } == [17, 17, 17, 17, 17, 17, 17, 17])
  }

  @Test func aBusyStoreIsAskedAgain() throws {
    let store = FakeStore(sectors: 16)
    store.isBusy = true
    let (block, driver, _) = try start(store)
    #expect(try block.request(0, 3, [driver.writable(512)]) == nil)
    store.isBusy = false
    driver.host.notify(queue: 0)
    #expect(try driver.takeUsed(0) == [.init(head: 0, written: 513)])
  }

  // MARK: Rates

  @Test func requestsWaitForTheRate() throws {
    let alarm = FakeAlarm()
    let limiter = RateLimiter(
      bandwidth: TokenBucket(size: 2048, refillTime: 1_000_000_000),
      operations: TokenBucket(size: 3, refillTime: 1_000_000_000))
    let store = FakeStore(sectors: 16)
    let (block, driver, _) = try start(store, gate: RateGate(limiter, alarm: alarm))
    #expect(try block.request(0, 0, [driver.writable(2048)]) == 0)
    #expect(try block.request(0, 0, [driver.writable(512)]) == nil)
    #expect(alarm.ringsAt != nil)
    alarm.now += 1_000_000_000
    driver.host.notify(queue: 0)
    #expect(try driver.takeUsed(0).count == 1)
    // Flushes cost no bytes, but each is an operation.
    alarm.now += 2_000_000_000
    for _ in 0..<3 { #expect(try block.request(4) == 0) }
    #expect(try block.request(4) == nil)
    #expect(store.flushes == 3)
  }

  @Test func zeroesCostTheirBytesAndDiscardsNone() throws {
    let alarm = FakeAlarm()
    let limiter = RateLimiter(
      bandwidth: TokenBucket(size: 2048, refillTime: 1_000_000_000),
      operations: TokenBucket(size: 4, refillTime: 1))
    let store = FakeStore(sectors: 64)
    let (block, driver, _) = try start(store, gate: RateGate(limiter, alarm: alarm))
    #expect(try block.change(11, [.init(sector: 0, count: 64)]) == 0)
    // Twice as much as the bucket holds.
    #expect(try block.change(13, [.init(sector: 0, count: 8)]) == 0)
    #expect(try block.change(13, [.init(sector: 8, count: 1)]) == nil)
    alarm.now += 1_000_000_000
    driver.host.notify(queue: 0)
    #expect(store.changes.count == 2)
    alarm.now += 1_000_000
    driver.host.notify(queue: 0)
    #expect(store.changes.count == 3)
  }

  /// What one turn does is bounded for what has no data too.
  @Test(arguments: [(11, 32_769), (13, 32_768)] as [(UInt32, UInt32)])
  func oneTurnDiscardsAndZeroesSoMuch(kind: UInt32, sectors: UInt32) throws {
    let store = FakeStore(zeroSectors: 40_000)
    let (block, driver, device) = try start(store)
    let segment = BlockRequests.Segment(sector: 0, count: sectors)
    for _ in 0..<3 { try driver.makeAvailable(0, block.chain(kind, segment)) }
    for turn in 1...3 {
      #expect(device.process(queue: 0) == (turn < 3))
      #expect(store.changes.count == turn)
    }
    #expect(try driver.takeUsed(0).count == 3)
  }
}
