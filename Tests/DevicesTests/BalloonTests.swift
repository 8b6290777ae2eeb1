import DeviceFakes
import Devices
import GuestMemory
import Testing

@Suite struct BalloonDeviceTests {
  let host = FakeBalloonMemory()

  func start(
    _ options: BalloonDevice.Options = [], pages: UInt32 = 0, without: UInt64 = 0, queues: Int = 2
  ) throws -> (FakeDriver, BalloonDevice) {
    let device = BalloonDevice(pages: pages, options: options, host: host)
    let driver = try FakeDriver(device)
    try driver.start(queues: queues, without: without)
    return (driver, device)
  }

  func numbers(_ pages: [UInt32]) -> [UInt8] {
    pages.flatMap { page in (0..<4).map { UInt8(truncatingIfNeeded: page >> (8 * $0)) } }
  }

  func slices(_ driver: FakeDriver, _ runs: [(UInt64, UInt64)]) throws -> [GuestSlice] {
    try runs.map { try driver.memory.slice(at: GuestAddress($0.0 << 12), count: $0.1 << 12) }
  }

  @Test func neighboursAreReleasedTogether() throws {
    let (driver, _) = try start()
    // Up, down, one twice, and apart.
    let pages: [UInt32] = [256, 257, 258, 300, 299, 299, 298, 1000]
    #expect(try driver.submit(0, [driver.readable(numbers(pages))]) == [.init(head: 0, written: 0)])
    #expect(try host.released == slices(driver, [(256, 3), (298, 3), (1000, 1)]))
    #expect(try driver.submit(1, [driver.readable(numbers(pages))]) == [.init(head: 0, written: 0)])
    #expect(host.released.count == 3)
    #expect(driver.takeViolations().isEmpty)
  }

  @Test func numbersMayBeCutAnywhere() throws {
    let (driver, _) = try start()
    let bytes = numbers((256..<1256).map { $0 })
    let parts = try [bytes[..<1], bytes[1..<1023], bytes[1023...]].map { try driver.readable(Array($0)) }
    #expect(try driver.submit(0, parts).count == 1)
    #expect(try host.released == slices(driver, [(256, 1000)]))
  }

  @Test(arguments: [2048, 0xBFFFF, 0x10_0000, 0xFFFF_FFFF] as [UInt32])
  func aPageThatIsNotThereBreaksARule(page: UInt32) throws {
    let (driver, _) = try start()
    #expect(try driver.submit(0, [driver.readable(numbers([page]))]).isEmpty)
    #expect(driver.takeViolations() == [.balloonPage])
    #expect(driver.status & 0x40 != 0)
    #expect(host.released.isEmpty)
    // The last page that is there, and a run that leaves memory.
    try driver.start(queues: 2)
    #expect(try driver.submit(0, [driver.readable(numbers([2047]))]).count == 1)
    #expect(try driver.submit(0, [driver.readable(numbers([2046, 2047, 2048]))]).isEmpty)
    #expect(driver.takeViolations() == [.balloonPage])
    #expect(try host.released == slices(driver, [(2047, 1)]))
  }

  @Test(arguments: [0, 1]) func halfANumberBreaksARule(queue: Int) throws {
    let (driver, _) = try start()
    #expect(try driver.submit(queue, [driver.readable([0, 1, 0, 0, 1, 1])]).isEmpty)
    #expect(driver.takeViolations() == [.requestLayout])
    #expect(host.released.isEmpty)
  }

  @Test func aRequestIsOnlySoLong() throws {
    let (driver, _) = try start()
    let zeros = FakeDriver.Buffer(address: 0x10_0000, length: 4 << 16)
    #expect(try driver.submit(0, [zeros]).count == 1)
    #expect(host.released.count == 1)
    #expect(try driver.submit(0, [zeros, try driver.readable([0, 0, 0, 0])]).isEmpty)
    #expect(driver.takeViolations() == [.requestLayout])
  }

  @Test func theSizeIsToldAndTheAnswerKept() throws {
    let (driver, device) = try start(pages: 77)
    let field = FakeDriver.window + FakeDriver.Register.configuration
    #expect(driver.bus.read(address: field, width: .double) == 77)
    driver.bus.write(address: field + 4, width: .double, value: 50)
    driver.bus.write(address: field, width: .quad, value: 0x1_0000_0001)
    #expect(device.actualPages == 1)
    #expect(device.targetPages == 77)
    driver.bus.write(address: field + 4, width: .double, value: 50)
    let generation = driver.read(FakeDriver.Register.generation)
    device.targetPages = 20
    #expect(driver.bus.read(address: field, width: .double) == 20)
    #expect(driver.read(FakeDriver.Register.interruptStatus) == 2)
    #expect(driver.read(FakeDriver.Register.generation) != generation)
    #expect(device.actualPages == 50)
    driver.bus.write(address: field + 8, width: .quad, value: .max)
    #expect(driver.bus.read(address: field + 8, width: .quad) == 0)
  }

  @Test func statisticsAreAskedForOneAtATime() throws {
    let (driver, device) = try start([.statistics], queues: 3)
    var told: [BalloonStatistics] = []
    device.whenToldStatistics { told.append($0) }
    func entry(_ tag: UInt8, _ value: UInt8) -> [UInt8] { [tag, 0, value, 0, 0, 0, 0, 0, 0, 1] }
    let first = try driver.readable(entry(4, 9) + entry(200, 1))
    #expect(try driver.submit(2, [first]).isEmpty)
    #expect(told.isEmpty, "nobody has asked")
    device.requestStatistics()
    #expect(try driver.takeUsed(2) == [.init(head: 0, written: 0)])
    device.requestStatistics()
    #expect(try driver.submit(2, [driver.readable(entry(4, 9) + entry(200, 1))]).isEmpty)
    #expect(told.last?[.freeMemory] == 1 << 56 | 9)
    #expect(told.last?[.totalMemory] == nil)
    for _ in 0..<10 { driver.notify(2) }
    #expect(told.count == 1, "one account for one question")
    device.requestStatistics()
    #expect(try driver.submit(2, [driver.readable(entry(5, 3))]).count == 1)
    #expect(told.last?[.totalMemory] == 1 << 56 | 3)
    // A second buffer waits; one question returns one.
    #expect(try driver.submit(2, [driver.readable(entry(5, 4))]).isEmpty)
    device.requestStatistics()
    #expect(try driver.takeUsed(2).count == 1)
    #expect(told.last?[.totalMemory] == 1 << 56 | 4)
    #expect(driver.takeViolations().isEmpty)
  }

  @Test(arguments: [9, 641]) func badStatisticsBreakARule(count: Int) throws {
    let (driver, _) = try start([.statistics], queues: 3)
    #expect(try driver.submit(2, [driver.readable([UInt8](repeating: 0, count: count))]).isEmpty)
    #expect(driver.takeViolations() == [.requestLayout])
  }

  @Test func reportedPagesAreReleased() throws {
    let (driver, _) = try start([.statistics, .reporting, .deflatesOnOOM], queues: 4)
    #expect(driver.offeredFeatures & 0x3F == 0x26)
    let buffers = [
      FakeDriver.Buffer(address: 0x20_0000, length: 0x20_0000, isWritable: true),
      FakeDriver.Buffer(address: 0x40_0000, length: 0x1000, isWritable: true),
    ]
    #expect(try driver.submit(3, buffers).count == 1)
    #expect(try host.released == slices(driver, [(0x200, 0x200), (0x400, 1)]))
  }

  /// Drivers number the queues they know without gaps.
  @Test func queuesMoveUpWhereAFeatureIsNotAgreedOn() throws {
    let (driver, _) = try start([.statistics, .reporting], without: 1 << 1, queues: 3)
    let buffer = FakeDriver.Buffer(address: 0x20_0000, length: 0x1000, isWritable: true)
    #expect(try driver.submit(2, [buffer]).count == 1)
    #expect(try host.released == slices(driver, [(0x200, 1)]))
  }
}
