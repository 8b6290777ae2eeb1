import Devices
import GuestMemory
import Testing

/// Decides what a driver does next: the bytes of a script, then zeros.
struct Script {
  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { place >= bytes.count }

  mutating func byte() -> UInt8 {
    guard place < bytes.count else { return 0 }
    defer { place += 1 }
    return bytes[place]
  }

  mutating func number(below limit: Int) -> Int { Int(byte()) % limit }

  /// A number that is often small, often at an edge, seldom just any.
  mutating func value() -> UInt64 {
    switch byte() % 8 {
    case 0: 0
    case 1: UInt64(byte())
    case 2: 1 << UInt64(byte() % 64)
    case 3: (1 << UInt64(byte() % 64)) &- 1
    case 4: .max &- UInt64(byte())
    case 5: (8 << 20) &- UInt64(byte())
    case 6: 0x1_0000 &* UInt64(byte())
    default: (0..<8).reduce(0) { value, _ in value << 8 | UInt64(byte()) }
    }
  }
}

/// A driver that does what a script says, right or wrong.
struct ScriptedDriver {
  private let driver: FakeDriver
  private let queues: Int
  private var reported: Set<DriverViolation> = []

  init(_ driver: FakeDriver, queues: Int) {
    self.driver = driver
    self.queues = queues
  }

  mutating func run(_ script: inout Script) throws {
    while !script.isAtEnd { try step(&script) }
  }

  private mutating func step(_ script: inout Script) throws {
    let queue = script.number(below: queues)
    switch script.byte() % 10 {
    case 0:
      try driver.start(
        queues: queues, size: 1 << script.number(below: 5), without: UInt64(script.byte() % 4) << 28)
      reported = []
    case 1:
      let widths = AccessWidth.allCases
      driver.bus.write(
        address: FakeDriver.window + UInt64(script.byte()) * 4 % 0x180,
        width: widths[script.number(below: 4)],
        value: script.value())
    case 2:
      _ = driver.bus.read(address: FakeDriver.window + UInt64(script.byte()) * 2, width: .double)
    case 3: driver.notify(queue)
    case 4: driver.write(FakeDriver.Register.status, UInt32(script.byte()))
    case 5:  // a descriptor of any kind
      try driver.writeDescriptor(
        table: FakeDriver.descriptors(queue), script.number(below: 16), address: script.value(),
        length: UInt32(truncatingIfNeeded: script.value()), flags: UInt16(script.byte() % 8),
        next: UInt16(script.byte() % 20))
    case 6:  // an honest chain
      let isWritable = script.byte() % 2 == 0
      let buffers = (0...script.number(below: 3)).map { _ in
        FakeDriver.Buffer(address: 0x8_0000, length: UInt32(script.byte()), isWritable: isWritable)
      }
      try driver.makeAvailable(queue, driver.writeChain(queue, buffers))
      driver.notify(queue)
    case 7: try driver.makeAvailable(queue, UInt16(script.byte() % 18))
    case 8:
      let place = FakeDriver.available(queue) + UInt64(script.byte() % 40)
      try driver.memory.store(script.byte(), at: GuestAddress(place))
    default:  // a block request, honest but for its sector
      try driver.memory.store(UInt64(script.byte() % 10), at: GuestAddress(0x9_0000))
      try driver.memory.store(script.value(), at: GuestAddress(0x9_0008))
      let chain = [
        FakeDriver.Buffer(address: 0x9_0000, length: 16),
        FakeDriver.Buffer(address: 0xA_0000, length: 512 * UInt32(script.byte() % 4), isWritable: true),
        FakeDriver.Buffer(address: 0x9_0010, length: 1, isWritable: true),
      ]
      try driver.makeAvailable(queue, driver.writeChain(queue, chain))
      driver.notify(queue)
    }
    try checkReports()
  }

  /// Each kind of violation is reported once from one reset to the next.
  private mutating func checkReports() throws {
    if driver.host.resets != resetsSeen || driver.status == 0 {
      resetsSeen = driver.host.resets
      reported = []
      _ = driver.takeViolations()
      return
    }
    for violation in driver.takeViolations() {
      let isNew = reported.insert(violation).inserted
      try #require(isNew, "\(violation) was reported twice")
    }
  }

  private var resetsSeen = 0
}

/// Drivers made up at random, the same ones each time: the device never traps and works after the next reset.
@Suite struct RandomDriverTests {
  private func scripts(_ count: Int, seed: UInt64) -> [[UInt8]] {
    var state = seed
    return (0..<count).map { _ in
      (0..<300).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
      }
    }
  }

  private func run(_ bytes: [UInt8], _ device: any VirtioDevice, queues: Int) throws -> FakeDriver {
    let driver = try FakeDriver(device)
    var script = Script([0] + bytes)
    var scripted = ScriptedDriver(driver, queues: queues)
    try scripted.run(&script)
    try driver.start(queues: queues)
    _ = driver.takeViolations()
    return driver
  }

  @Test func entropy() throws {
    for script in scripts(500, seed: 1) {
      let driver = try run(script, EntropyDevice(source: FakeEntropy()), queues: 1)
      #expect(try driver.submit(0, [driver.writable(8)]) == [.init(head: 0, written: 8)])
    }
  }

  @Test func console() throws {
    for script in scripts(500, seed: 2) {
      let output = FakeOutput()
      let device = ConsoleDevice(output: output, size: ConsoleSize(columns: 80, rows: 25))
      let driver = try run(script, device, queues: 2)
      #expect(try driver.submit(1, [driver.readable([1, 2, 3])]).count == 1)
      #expect(output.bytes.suffix(3) == [1, 2, 3])
    }
  }

  @Test func block() throws {
    for script in scripts(500, seed: 3) {
      let store = FakeStore(sectors: 8)
      let driver = try run(script, BlockDevice(store: store), queues: 1)
      let header = [UInt8](repeating: 0, count: 16)
      let data = driver.writable(512)
      let status = driver.writable(1)
      #expect(
        try driver.submit(0, [driver.readable(header), data, status]) == [.init(head: 0, written: 513)])
      #expect(try driver.bytes(data) == Array(store.bytes.prefix(512)))
      #expect(try driver.bytes(status) == [0])
    }
  }
}
