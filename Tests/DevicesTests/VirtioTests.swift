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

@Suite struct EntropyDeviceTests {
  @Test func fillsABoundedPart() throws {
    let driver = try FakeDriver(EntropyDevice(source: FakeEntropy()))
    try driver.start()
    let small = driver.writable(64)
    #expect(try driver.submit(0, [small]) == [.init(head: 0, written: 64)])
    #expect(try !driver.bytes(small).contains(0))
    #expect(try driver.submit(0, [driver.writable(1 << 20)]) == [.init(head: 1, written: 65_536)])
  }

  @Test func requestsWaitForTheRate() throws {
    let alarm = FakeAlarm()
    let bucket = TokenBucket(size: 100, refillTime: 1_000_000_000)
    let gate = RateGate(RateLimiter(bandwidth: bucket, operations: nil), alarm: alarm)
    let driver = try FakeDriver(EntropyDevice(source: FakeEntropy(), gate: gate))
    try driver.start()
    #expect(try driver.submit(0, [driver.writable(64)]).count == 1)
    let second = driver.writable(64)
    #expect(try driver.submit(0, [second]) == [])
    #expect(try driver.bytes(second).allSatisfy { $0 == 0 })
    #expect(alarm.ring())
    driver.host.notify(queue: 0)
    #expect(try driver.takeUsed(0).map(\.written) == [64])
  }
}
