import DeviceFakes
import Devices
import GuestMemory
import Testing

@Suite struct ConsoleDeviceTests {
  let output = FakeOutput()

  @Test func outputInEveryShape() throws {
    for without in [0, FakeDriver.eventIndex, FakeDriver.indirect] {
      let output = FakeOutput()
      let driver = try FakeDriver(ConsoleDevice(output: output, size: nil))
      try driver.start(queues: 2, without: without)
      let parts = [try driver.readable(Array("hello ".utf8)), try driver.readable(Array("world\n".utf8))]
      #expect(try driver.submit(1, parts) == [.init(head: 0, written: 0)])
      #expect(output.text == "hello world\n")
      #expect(driver.read(FakeDriver.Register.interruptStatus) == 1)
      if without != FakeDriver.indirect {
        try driver.makeAvailable(1, driver.writeIndirectChain(1, parts))
        driver.notify(1)
        #expect(try driver.takeUsed(1) == [.init(head: 2, written: 0)])
        #expect(output.text == "hello world\nhello world\n")
      }
      #expect(driver.takeViolations().isEmpty)
    }
  }

  @Test func outputIsHeldBackAndResumed() throws {
    let device = ConsoleDevice(output: output, size: nil)
    let driver = try FakeDriver(device)
    try driver.start(queues: 2)
    output.room = 3
    #expect(try driver.submit(1, [driver.readable(Array("abcdef".utf8))]).isEmpty)
    #expect(try driver.submit(1, [driver.readable(Array("gh".utf8))]).isEmpty)
    #expect(output.text == "abc")
    output.room = Int.max
    #expect(!device.resumeOutput())
    #expect(output.text == "abcdefgh")
    #expect(try driver.takeUsed(1).map(\.head) == [0, 1])
  }

  @Test func inputWaitsForBuffers() throws {
    let device = ConsoleDevice(output: output, size: nil)
    let driver = try FakeDriver(device)
    #expect(device.input(Array("early".utf8)) == 5)
    try driver.start(queues: 2)
    let first = driver.writable(3)
    #expect(try driver.submit(0, [first]) == [.init(head: 0, written: 3)])
    #expect(try driver.bytes(first) == Array("ear".utf8))
    let second = driver.writable(16)
    #expect(try driver.submit(0, [second]) == [.init(head: 1, written: 2)])
    #expect(device.input([UInt8](repeating: 0, count: 10_000)) == 4096)
    #expect(device.inputRoom == 0)
  }

  @Test func sizeIsAnnouncedOnceTheDriverCanTakeIt() throws {
    let device = ConsoleDevice(output: output, size: ConsoleSize(columns: 132, rows: 43))
    let driver = try FakeDriver(device)
    try driver.start(queues: 2)
    device.resize(to: ConsoleSize(columns: 80, rows: 25))
    #expect(driver.line.take() == 0)
    #expect(driver.bus.read(address: FakeDriver.window + 0x100, width: .double) == 25 << 16 | 80)
    _ = try driver.submit(0, [driver.writable(16)])
    #expect(driver.line.take() == 1)
    #expect(driver.read(FakeDriver.Register.interruptStatus) == 2)
    let generation = driver.read(FakeDriver.Register.generation)
    device.resize(to: ConsoleSize(columns: 81, rows: 26))
    #expect(driver.line.take() == 1)
    #expect(driver.read(FakeDriver.Register.generation) != generation)
  }
}

@Suite struct BlockDeviceTests {
  func header(_ kind: UInt32, _ sector: UInt64) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: kind >> (8 * $0)) } + [0, 0, 0, 0]
      + (0..<8).map { UInt8(truncatingIfNeeded: sector >> (8 * $0)) }
  }

  /// Does a request and returns its status, or nil if the device used nothing.
  func request(
    _ driver: FakeDriver, _ kind: UInt32, _ sector: UInt64, _ data: [FakeDriver.Buffer] = []
  ) throws -> UInt8? {
    let status = driver.writable(1)
    let used = try driver.submit(0, [driver.readable(header(kind, sector))] + data + [status])
    return used.isEmpty ? nil : try driver.bytes(status)[0]
  }

  @Test func readsWritesAndFlushes() throws {
    let store = FakeStore(sectors: 16)
    let driver = try FakeDriver(BlockDevice(store: store))
    try driver.start()
    #expect(driver.bus.read(address: FakeDriver.window + 0x100, width: .quad) == 16)
    let into = [driver.writable(100), driver.writable(924)]
    #expect(try request(driver, 0, 2, into) == 0)
    #expect(try driver.bytes(into[0]) + driver.bytes(into[1]) == Array(store.bytes[1024..<2048]))
    let new = [UInt8](repeating: 0xAB, count: 512)
    #expect(try request(driver, 1, 15, [driver.readable(new)]) == 0)
    #expect(Array(store.bytes[7680...]) == new)
    #expect(store.flushes == 0)
    #expect(try request(driver, 4, 0) == 0)
    #expect(store.flushes == 1)
    let serial = driver.writable(20)
    #expect(try request(driver, 8, 0, [serial]) == 0)
    #expect(try driver.bytes(serial, 8) == Array("serial\0\0".utf8))
    #expect(try request(driver, 99, 0) == 2)
    #expect(driver.takeViolations().isEmpty)
  }

  @Test func refusesWhatIsOutsideTheDisk() throws {
    let driver = try FakeDriver(BlockDevice(store: FakeStore(sectors: 16)))
    try driver.start()
    #expect(try request(driver, 0, 16, [driver.writable(512)]) == 1)
    #expect(try request(driver, 0, 15, [driver.writable(1024)]) == 1)
    #expect(try request(driver, 0, .max, [driver.writable(512)]) == 1)
    #expect(try request(driver, 1, .max / 512, [driver.readable([UInt8](repeating: 0, count: 512))]) == 1)
    #expect(try request(driver, 0, 0, [driver.writable(511)]) == 1)
    #expect(try request(driver, 0, 0, [driver.writable(512)]) == 0)
  }

  @Test func failuresAndReadOnlyDisksGiveErrors() throws {
    let store = FakeStore(sectors: 4, isReadOnly: true)
    let driver = try FakeDriver(BlockDevice(store: store))
    try driver.start()
    #expect(driver.offeredFeatures & 1 << 5 != 0)
    #expect(try request(driver, 1, 0, [driver.readable([UInt8](repeating: 1, count: 512))]) == 1)
    #expect(store.bytes[0] == 0)
    store.fails = true
    #expect(try request(driver, 0, 0, [driver.writable(512)]) == 1)
    #expect(try request(driver, 4, 0) == 1)
  }

  @Test func writesAreStableForADriverWithoutFlush() throws {
    let store = FakeStore(sectors: 4)
    let driver = try FakeDriver(BlockDevice(store: store))
    try driver.start(without: 1 << 9)
    #expect(try request(driver, 1, 0, [driver.readable([UInt8](repeating: 1, count: 512))]) == 0)
    #expect(store.flushes == 1)
  }
}

@Suite struct EntropyDeviceTests {
  @Test func fillsABoundedPart() throws {
    let driver = try FakeDriver(EntropyDevice(source: FakeEntropy()))
    try driver.start()
    let small = driver.writable(64)
    #expect(try driver.submit(0, [small]) == [.init(head: 0, written: 64)])
    #expect(try !driver.bytes(small).contains(0))
    #expect(try driver.submit(0, [driver.writable(1 << 20)]) == [.init(head: 1, written: 65_536)])
  }
}
