import Devices
import GuestMemory

/// A driver that does what a script says, right or wrong.
package struct ScriptedDriver {
  private let driver: FakeDriver
  private let queues: Int
  private var reported: Set<DriverViolation> = []
  private var resetsSeen = 0

  private let elsewhere: ((inout Script) throws -> Void)?

  /// - Parameter elsewhere: what happens at the device's other end when the script says so.
  package init(_ driver: FakeDriver, queues: Int, elsewhere: ((inout Script) throws -> Void)? = nil) {
    self.driver = driver
    self.queues = queues
    self.elsewhere = elsewhere
  }

  package mutating func run(_ script: inout Script) throws {
    while !script.isAtEnd { try step(&script) }
  }

  package mutating func step(_ script: inout Script) throws {
    let queue = script.number(below: queues)
    switch script.byte() % (elsewhere == nil ? 10 : 11) {
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
    case 10: try elsewhere?(&script)
    default:  // a block request, honest but for its sector
      try driver.memory.store(UInt64(script.byte() % 16), at: GuestAddress(0x9_0000))
      try driver.memory.store(script.value(), at: GuestAddress(0x9_0008))
      // A range to discard or zero, where the data of others would be written from.
      try driver.memory.store(UInt64(script.byte() % 10), at: GuestAddress(0x9_0020))
      try driver.memory.store(UInt32(script.byte() % 10), at: GuestAddress(0x9_0028))
      try driver.memory.store(UInt32(script.byte() % 3), at: GuestAddress(0x9_002C))
      let chain = [
        FakeDriver.Buffer(address: 0x9_0000, length: 16),
        FakeDriver.Buffer(address: 0x9_0020, length: 16 * UInt32(script.byte() % 3)),
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
      try check(reported.insert(violation).inserted, "\(violation) was reported twice")
    }
  }
}
