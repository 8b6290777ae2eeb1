import Platform

/// The size of a numbered block, in bytes and in sectors.
private let blockSize: UInt32 = 4096
private let sectorsPerBlock = UInt64(blockSize) / Block.sectorSize

/// Fills the first disk with numbered blocks, one after another, and says of each that it is safe once a flush after
/// it has been answered: what was said so must be on the disk however the monitor ends.
@c
func guest_main(commandLine: UnsafePointer<UInt8>?) -> UInt8 {
  machine_start()
  let generation = CommandLine(text: commandLine).number("generation=") ?? 0
  guard let device = firstDisk(), var driver = BlockDriver(device, wanted: usableFeatures),
    driver.features & Block.FeatureBit.flush != 0
  else {
    Serial.write("FAIL durable disk: no writable disk that can flush\n")
    return 1
  }
  let data = Arena.take(UInt64(blockSize), alignment: 4096)
  let count = driver.capacity / sectorsPerBlock
  var number: UInt64 = 0
  while number < count {
    fill(data, number, generation)
    guard
      driver.request(Block.Request.write, number &* sectorsPerBlock, data, blockSize) == Block.Result.ok,
      driver.request(Block.Request.flush, 0, 0, 0) == Block.Result.ok
    else {
      Serial.write("FAIL durable write: not done\n")
      // What was not written is lost: no later flush can be true.
      let again = driver.request(Block.Request.flush, 0, 0, 0)
      Serial.write(again == Block.Result.ok ? "FAIL durable flush: forgot it\n" : "no flush is done any more\n")
      return 1
    }
    Serial.write("safe ")
    Serial.write(decimal: number)
    Serial.write("\n")
    number &+= 1
  }
  return 0
}

private let usableFeatures = Feature.indirectDesc | Feature.eventIndex

private func firstDisk() -> VirtioDevice? {
  for window in 0..<VirtioDevice.windowCount {
    if let device = VirtioDevice(window: window), device.kind == .block { return device }
  }
  return nil
}

/// Every word of a block tells its generation, number and place.
private func fill(_ data: UInt64, _ number: UInt64, _ generation: UInt64) {
  for place in 0..<UInt64(blockSize) / 8 {
    store64(data &+ 8 &* place, generation << 48 | number << 16 | place)
  }
}
