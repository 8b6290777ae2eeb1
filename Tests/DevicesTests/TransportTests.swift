import DeviceFakes
import Devices
import GuestMemory
import Testing

@Suite struct TransportTests {
  typealias Register = FakeDriver.Register

  func driver() throws -> FakeDriver { try FakeDriver(EntropyDevice(source: FakeEntropy())) }

  @Test func identifiesItself() throws {
    let driver = try driver()
    #expect(driver.read(0) == 0x7472_6976)
    #expect(driver.read(4) == 2)
    #expect(driver.read(8) == 4)
    #expect(driver.offeredFeatures == 1 << 32 | 1 << 29 | 1 << 28)
    driver.write(Register.deviceFeaturesSelect, 2)
    #expect(driver.read(Register.deviceFeatures) == 0)
    #expect(driver.read(Register.queueSizeMax) == 8)
    driver.write(Register.queueSelect, 1)
    #expect(driver.read(Register.queueSizeMax) == 0)
    #expect(driver.read(0xB0) == .max)
    #expect(driver.read(0xBC) == .max)
    #expect(driver.bus.read(address: FakeDriver.window, width: .word) == 0)
  }

  /// Every status a driver can be in, and every value it may write then.
  @Test func onlyTheStepsOfInitializationAreTaken() throws {
    let path: [UInt32] = [0, 1, 3, 11, 15]
    let legal: [UInt32: Set<UInt32>] = [0: [1, 3], 1: [3], 3: [11], 11: [15], 15: []]
    for (step, from) in path.enumerated() {
      for value in UInt32(1)...0x1FF {
        let driver = try driver()
        for status in path[0..<step + 1] {
          if status == 11 { driver.acceptFeatures(driver.offeredFeatures) }
          driver.write(Register.status, status)
        }
        try #require(driver.status == from)
        let isLegal =
          legal[from]?.contains(value & ~64) == true || value & ~64 == from || value & ~64 == from | 128
        // FEATURES_OK was not preceded by features where the step was skipped.
        driver.acceptFeatures(1 << 32)
        _ = driver.takeViolations()
        driver.write(Register.status, value)
        if isLegal, value <= 0xFF {
          #expect(driver.status == value & ~64)
          #expect(driver.takeViolations().isEmpty)
        } else {
          #expect(driver.status == from)
          #expect(driver.takeViolations() == [.statusTransition])
        }
        driver.write(Register.status, 0)
        #expect(driver.status == 0)
      }
    }
  }

  @Test func featuresAreRefusedByLeavingTheBitClear() throws {
    let driver = try driver()
    for wanted in [0, 1 << 29, 1 << 32 | 1 << 0, 1 << 32 | 1 << 63] as [UInt64] {
      driver.write(Register.status, 0)
      driver.write(Register.status, 3)
      driver.acceptFeatures(wanted)
      driver.write(Register.status, 11)
      #expect(driver.status == 3)
    }
    driver.acceptFeatures(1 << 32)
    driver.write(Register.status, 11)
    #expect(driver.status == 11)
    driver.acceptFeatures(1 << 28)
    #expect(driver.takeViolations() == [.frozenRegister])
  }

  @Test func wrongQueuesDoNotBecomeReady() throws {
    let driver = try driver()
    driver.negotiate()
    let good = (size: UInt32(8), descriptors: UInt64(0x1000), available: UInt64(0x2000), used: UInt64(0x3000))
    let cases: [(UInt32, UInt64, UInt64, UInt64, DriverViolation?)] = [
      (0, good.descriptors, good.available, good.used, .queueSize),
      (3, good.descriptors, good.available, good.used, .queueSize),
      (16, good.descriptors, good.available, good.used, .queueSize),
      (0x8000_0000, good.descriptors, good.available, good.used, .queueSize),
      (0x1_0000 + 8, good.descriptors, good.available, good.used, .queueSize),
      (8, 0x1008, good.available, good.used, .queueAlignment),
      (8, good.descriptors, 0x2001, good.used, .queueAlignment),
      (8, good.descriptors, good.available, 0x3002, .queueAlignment),
      (8, 8 << 20, good.available, good.used, .queueMemory),
      (8, .max & ~15, good.available, good.used, .queueMemory),
      (8, good.descriptors, 0xC000_0000, good.used, .queueMemory),
      (8, good.descriptors, good.available, (8 << 20) - 4, .queueMemory),
      (8, good.descriptors, good.available, good.used, nil),
    ]
    for (size, descriptors, available, used, violation) in cases {
      driver.write(Register.status, 0)
      driver.negotiate()
      driver.write(Register.queueSelect, 0)
      driver.write(Register.queueSize, size)
      driver.writeAddress(Register.queueDescriptors, descriptors)
      driver.writeAddress(Register.queueDriver, available)
      driver.writeAddress(Register.queueDevice, used)
      driver.write(Register.queueReady, 1)
      #expect(driver.read(Register.queueReady) == (violation == nil ? 1 : 0))
      #expect(driver.takeViolations() == (violation.map { [$0] } ?? []))
    }
  }

  @Test func queuesAreFrozenOnceReady() throws {
    let driver = try driver()
    try driver.start()
    #expect(driver.host.isActive)
    for register in [0x38, 0x80, 0x84, 0x90, 0x94, 0xA0, 0xA4] as [UInt64] { driver.write(register, 0x10) }
    driver.write(Register.queueReady, 0)
    #expect(driver.read(Register.queueReady) == 1)
    #expect(driver.takeViolations() == [.frozenRegister])
    #expect(try driver.submit(0, [driver.writable(4)]) == [.init(head: 0, written: 4)])
  }

  @Test func resetForgetsEverything() throws {
    let driver = try driver()
    try driver.start()
    _ = try driver.submit(0, [driver.writable(4)])
    #expect(driver.read(Register.interruptStatus) == 1)
    driver.write(Register.status, 0)
    #expect(driver.host.resets == 1 && !driver.host.isActive)
    #expect(driver.status == 0)
    #expect(driver.read(Register.interruptStatus) == 0)
    driver.write(Register.queueSelect, 0)
    #expect(driver.read(Register.queueReady) == 0)
    driver.notify(0)
    try driver.start()
    #expect(try driver.submit(0, [driver.writable(4)]) == [.init(head: 0, written: 4)])
  }

  @Test func interruptIsAcknowledgedBitByBit() throws {
    let driver = try driver()
    try driver.start()
    _ = try driver.submit(0, [driver.writable(4)])
    driver.write(Register.interruptAcknowledge, 2)
    #expect(driver.read(Register.interruptStatus) == 1)
    driver.write(Register.interruptAcknowledge, 1)
    #expect(driver.read(Register.interruptStatus) == 0)
  }

  @Test func absentQueuesAndStorms() throws {
    let driver = try driver()
    try driver.start()
    for queue in [1, 7, 0xFFFF_FFFF] as [UInt32] {
      for _ in 0..<100 { driver.write(Register.queueNotify, queue) }
    }
    #expect(driver.takeViolations() == [.notifiedAbsentQueue])
    driver.write(Register.queueSelect, 0xFFFF_FFFF)
    driver.write(Register.queueSize, 8)
    driver.write(Register.queueReady, 1)
    #expect(driver.read(Register.queueReady) == 0)
    #expect(try driver.submit(0, [driver.writable(4)]).count == 1)
  }

  /// Every offset in every width with telling values, in every status: nothing traps, and the device starts afterwards.
  @Test func everyAccessInEveryStatus() throws {
    let driver = try driver()
    for steps in 0...4 {
      for value in [0, 1, 0x80, 0xFFFF_FFFF_FFFF_FFFF] as [UInt64] {
        driver.write(Register.status, 0)
        if steps == 1 { driver.write(Register.status, 1) }
        if steps == 2 { driver.write(Register.status, 3) }
        if steps == 3 { driver.negotiate() }
        if steps == 4 { try driver.start() }
        for offset in UInt64(0)..<0x208 {
          for width in AccessWidth.allCases {
            _ = driver.bus.read(address: FakeDriver.window + offset, width: width)
            driver.bus.write(address: FakeDriver.window + offset, width: width, value: value)
          }
        }
      }
    }
    try driver.start()
    #expect(try driver.submit(0, [driver.writable(4)]) == [.init(head: 0, written: 4)])
  }
}
