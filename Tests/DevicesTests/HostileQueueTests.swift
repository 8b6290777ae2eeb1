import DeviceFakes
import Devices
import GuestMemory
import Testing

/// Drivers that break the rules of the rings: one report, DEVICE_NEEDS_RESET, silence, and a device that works after
/// the next reset.
@Suite struct HostileQueueTests {
  typealias Register = FakeDriver.Register
  typealias Descriptor = (address: UInt64, length: UInt32, flags: UInt16, next: UInt16)

  func check(
    _ violation: DriverViolation, without: UInt64 = 0, size: Int = 8, _ breakRule: (FakeDriver) throws -> Void
  ) throws {
    let driver = try FakeDriver(EntropyDevice(source: FakeEntropy()))
    try driver.start(size: size, without: without)
    _ = driver.line.take()
    try breakRule(driver)
    for _ in 0..<10 { driver.notify(0) }
    #expect(driver.takeViolations() == [violation])
    #expect(driver.status == 15 | 64)
    #expect(driver.read(Register.interruptStatus) & 2 == 2)
    #expect(driver.line.take() == 1)
    #expect(try driver.takeUsed(0).isEmpty)
    try driver.start(size: size)
    #expect(driver.status == 15)
    #expect(try driver.submit(0, [driver.writable(4)]) == [.init(head: 0, written: 4)])
    #expect(driver.takeViolations().isEmpty)
  }

  func checkChain(
    _ violation: DriverViolation, without: UInt64 = 0, _ descriptors: [Descriptor],
    indirect: [Descriptor] = []
  ) throws {
    try check(violation, without: without) { driver in
      for (index, d) in descriptors.enumerated() {
        try driver.writeDescriptor(
          table: FakeDriver.descriptors(0), index, address: d.address, length: d.length, flags: d.flags,
          next: d.next)
      }
      for (index, d) in indirect.enumerated() {
        try driver.writeDescriptor(
          table: 0x4_0000, index, address: d.address, length: d.length, flags: d.flags, next: d.next)
      }
      try driver.makeAvailable(0, 0)
    }
  }

  @Test func availableIndexJumps() throws {
    for jump in [9, 0x7FFF, 0xFFFF] as [UInt16] {
      try check(.availableIndex) { driver in
        try driver.memory.storeRelease(jump, at: GuestAddress(FakeDriver.available(0) + 2))
      }
    }
  }

  @Test func headOutsideTheTable() throws {
    for head in [8, 0xFFFF] as [UInt16] {
      try check(.descriptorIndex) { try $0.makeAvailable(0, head) }
    }
  }

  @Test func nextOutsideTheTable() throws {
    try checkChain(.descriptorIndex, [(0x5_0000, 4, 3, 8)])
    try checkChain(.descriptorIndex, [(0x4_0000, 32, 4, 0)], indirect: [(0x5_0000, 4, 3, 2)])
  }

  @Test func loops() throws {
    try checkChain(.chainLength, [(0x5_0000, 4, 3, 0)])
    try checkChain(.chainLength, [(0x5_0000, 4, 3, 1), (0x5_0000, 4, 3, 0)])
    try checkChain(
      .chainLength, [(0x4_0000, 32, 4, 0)], indirect: [(0x5_0000, 4, 3, 1), (0x5_0000, 4, 3, 0)])
  }

  @Test func buffersOutsideMemory() throws {
    for address in [8 << 20, (8 << 20) - 3, 0xC000_0000, 0xD000_0000, .max, .max - 3] as [UInt64] {
      try checkChain(.bufferMemory, [(address, 4, 2, 0)])
    }
    try checkChain(.bufferMemory, [(0x5_0000, .max, 2, 0)])
    try checkChain(.bufferMemory, [(8 << 20, 16, 4, 0)])
  }

  @Test func readableAfterWritable() throws {
    try checkChain(.chainOrder, [(0x5_0000, 4, 3, 1), (0x5_0000, 4, 0, 0)])
  }

  @Test func indirectTables() throws {
    try checkChain(.indirectTable, without: FakeDriver.indirect, [(0x4_0000, 16, 4, 0)])
    try checkChain(.indirectTable, [(0x4_0000, 0, 4, 0)])
    try checkChain(.indirectTable, [(0x4_0000, 17, 4, 0)])
    try checkChain(.indirectTable, [(0x4_0000, 9 * 16, 4, 0)])
    try checkChain(.indirectTable, [(0x4_0000, 0xFFFF_FFF0, 4, 0)])
    try checkChain(.indirectTable, [(0x4_0000, 16, 5, 0)])
    try checkChain(.indirectTable, [(0x4_0000, 16, 4, 0)], indirect: [(0x4_0000, 16, 4, 0)])
  }

  @Test func requestsWithoutRoom() throws {
    try checkChain(.requestLayout, [(0x5_0000, 4, 0, 0)])
    try checkChain(.requestLayout, [(0x5_0000, 0, 2, 0)])
  }

  @Test func chainsOfMoreThanFourGibibytes() throws {
    let driver = try FakeDriver(EntropyDevice(source: FakeEntropy()), memorySize: 3 << 30)
    try driver.start()
    try driver.writeDescriptor(
      table: FakeDriver.descriptors(0), 0, address: 0, length: 3 << 30, flags: 3, next: 1)
    try driver.writeDescriptor(table: FakeDriver.descriptors(0), 1, address: 0, length: 1 << 30 | 1, flags: 2)
    try driver.makeAvailable(0, 0)
    driver.notify(0)
    #expect(driver.takeViolations() == [.chainSize])
  }

  /// Buffers of no length, after a direct descriptor an indirect one, and WRITE on that: odd, but allowed.
  @Test func oddButAllowed() throws {
    let driver = try FakeDriver(EntropyDevice(source: FakeEntropy()))
    try driver.start()
    let table = FakeDriver.descriptors(0)
    try driver.writeDescriptor(table: table, 0, address: .max, length: 0, flags: 1, next: 1)
    try driver.writeDescriptor(table: table, 1, address: 0x4_0000, length: 32, flags: 6)
    try driver.writeDescriptor(table: 0x4_0000, 0, address: 0x5_0000, length: 4, flags: 3, next: 1)
    try driver.writeDescriptor(table: 0x4_0000, 1, address: 0x5_0010, length: 4, flags: 2)
    try driver.makeAvailable(0, 0)
    driver.notify(0)
    #expect(try driver.takeUsed(0) == [.init(head: 0, written: 8)])
    #expect(driver.takeViolations().isEmpty)
  }
}
