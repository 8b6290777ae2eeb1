import Platform

private struct ConsoleChecks {
  var driver: ConsoleDriver
  let subject: Subject

  /// Writes a static text with the buffers that `shape` makes of it.
  private mutating func send(
    _ text: StaticString, _ name: StaticString, indirect: Bool = false,
    _ shape: (inout VirtioQueue, UInt64, UInt32) -> Void
  ) {
    let length = UInt32(text.utf8CodeUnitCount)
    driver.transmit.begin(indirect: indirect)
    shape(&driver.transmit, UInt64(UInt(bitPattern: text.utf8Start)), length)
    let done = driver.transmit.complete(driver.device)
    Checks.expect(done != nil, subject, name, "the buffer does not come back")
  }

  mutating func checkShapes() {
    send("virtio console: one buffer\n", "transmit") { $0.add($1, $2) }
    send("virtio console: three buffers\n", "transmit-chain") { queue, text, length in
      queue.add(text, 1)
      queue.add(text + 1, 14)
      queue.add(text + 15, length - 15)
    }
    if driver.features & Feature.indirectDesc != 0 {
      send("virtio console: indirect buffers\n", "transmit-indirect", indirect: true) { queue, text, length in
        queue.add(text, 7)
        queue.add(text + 7, length - 7)
      }
    }
  }

  /// 128 lines of 64 bytes, "large LLL cccc...": as one buffer, and as buffers that straddle pages.
  mutating func checkLarge() {
    let lines: UInt64 = 128
    let data = Arena.take(64 * lines, alignment: 4096)
    for line in 0..<lines { ConsoleChecks.write(line: line, to: data + 64 * line) }
    Checks.expect(driver.send(data, UInt32(64 * lines)), subject, "transmit-large", "does not come back")
    driver.transmit.begin()
    driver.transmit.add(data, 4000)
    driver.transmit.add(data + 4000, 192)
    driver.transmit.add(data + 4192, UInt32(64 * lines - 4192))
    let done = driver.transmit.complete(driver.device)
    Checks.expect(done != nil, subject, "transmit-large-chain", "does not come back")
  }

  private static func write(line: UInt64, to address: UInt64) {
    let letter = UInt8(0x61 + line % 26)
    for index in 0..<UInt64(63) { store8(address + index, letter) }
    let head: StaticString = "large "
    for index in 0..<6 { store8(address + UInt64(index), head.utf8Start[index]) }
    store8(address + 6, UInt8(0x30 + line / 100))
    store8(address + 7, UInt8(0x30 + line / 10 % 10))
    store8(address + 8, UInt8(0x30 + line % 10))
    store8(address + 9, 0x20)
    store8(address + 63, 0x0a)
  }

  func checkSize() {
    guard driver.features & ConsoleDriver.FeatureBit.size != 0 else { return }
    let size = driver.device.read(Register.config)
    Checks.expect(size != 0xffff_ffff, subject, "size", "the configuration cannot be read")
    Serial.write("size ")
    Serial.write(decimal: UInt64(size & 0xffff))
    Serial.write("x")
    Serial.write(decimal: UInt64(size >> 16))
    Serial.write("\n")
  }

  /// Waits for the line "ping" in however many pieces it comes.
  mutating func checkInput() {
    let wanted: StaticString = "ping\n"
    let data = Arena.take(64)
    var count: UInt64 = 0
    while count < 5 {
      driver.receive.begin()
      driver.receive.add(data + count, 32, writable: true)
      guard let length = driver.receive.complete(driver.device), length > 0, length <= 32 else { break }
      count += UInt64(length)
    }
    var same = count == 5
    for index in 0..<5 where load8(data + UInt64(index)) != wanted.utf8Start[index] { same = false }
    Checks.expect(same, subject, "receive", "what came is not \"ping\"")
  }

  mutating func run(expectsInput: Bool) {
    checkSize()
    checkShapes()
    checkLarge()
    if expectsInput { checkInput() }
    let text: StaticString = "virtio console: with interrupt\n"
    driver.transmit.begin()
    driver.transmit.add(UInt64(UInt(bitPattern: text.utf8Start)), UInt32(text.utf8CodeUnitCount))
    checkInterrupt(driver.device, &driver.transmit)
  }
}

func checkConsole(_ device: VirtioDevice, expectsInput: Bool) {
  let subject = Subject.device(device)
  guard let driver = ConsoleDriver(device, wanted: usableFeatures) else {
    return Checks.expect(false, subject, "start", "the device does not come up")
  }
  var checks = ConsoleChecks(driver: driver, subject: subject)
  checks.run(expectsInput: expectsInput)
}
