import Platform

/// The disks these checks expect: sector n holds 128 little-endian words n * 128 + i.
private enum Pattern {
  static let words: UInt64 = 128

  static func fill(_ data: UInt64, sector: UInt64, count: UInt64, inverted: Bool) {
    let first = sector &* words
    for index in 0..<count * words {
      let word = UInt32(truncatingIfNeeded: first &+ index)
      store32(data &+ 4 &* index, inverted ? ~word : word)
    }
  }

  static func holds(_ data: UInt64, sector: UInt64, count: UInt64, inverted: Bool) -> Bool {
    let first = sector &* words
    for index in 0..<count * words {
      let word = UInt32(truncatingIfNeeded: first &+ index)
      if load32(data &+ 4 &* index) != (inverted ? ~word : word) { return false }
    }
    return true
  }
}

private struct BlockChecks {
  static let sectorsPerRequest: UInt64 = 8
  /// How much of a large disk is looked at in each half.
  static let sectorLimit: UInt64 = 64

  var driver: BlockDriver
  let subject: Subject
  let capacity: UInt64
  let data: UInt64

  mutating func run() {
    checkReading()
    checkShapes()
    checkBatch()
    if driver.isReadOnly { checkReadOnly() } else { checkWriting() }
    checkIdentity()
    checkErrors()
    driver.begin(Block.Request.read, 0)
    driver.queue.add(data, 512, writable: true)
    driver.queue.add(driver.result, 1, writable: true)
    checkInterrupt(driver.device, &driver.queue)
  }

  private func expect(_ result: UInt8, _ wanted: UInt8, _ name: StaticString) {
    Checks.expect(UInt64(result), is: UInt64(wanted), subject, name)
  }

  /// Calls `body` with the first sector and the number of sectors of each request that covers `range`.
  private func forEachRequest(_ range: Range<UInt64>, _ body: (UInt64, UInt64) -> Bool) -> Bool {
    var sector = range.lowerBound
    while sector < range.upperBound {
      let count = min(BlockChecks.sectorsPerRequest, range.upperBound - sector)
      guard body(sector, count) else { return false }
      sector += count
    }
    return true
  }

  private mutating func reads(_ range: Range<UInt64>, inverted: Bool) -> Bool {
    forEachRequest(range) { sector, count in
      Arena.fill(data, count * Block.sectorSize, with: 0)
      let result = driver.request(Block.Request.read, sector, data, UInt32(count * Block.sectorSize))
      return result == Block.Result.ok
        && Pattern.holds(data, sector: sector, count: count, inverted: inverted)
    }
  }

  private mutating func checkReading() {
    Checks.expect(capacity >= 16, subject, "capacity", "fewer than 16 sectors")
    let limit = min(capacity / 2, BlockChecks.sectorLimit)
    Checks.expect(reads(0..<limit, inverted: false), subject, "read-pattern", "wrong result or contents")
  }

  private mutating func checkShapes() {
    driver.begin(Block.Request.read, 3)
    addPieces()
    expect(driver.finish(), Block.Result.ok, "read-in-pieces")
    expectPattern("read-in-pieces-contents")
    if driver.features & Feature.indirectDesc != 0 {
      driver.begin(Block.Request.read, 3, indirect: true)
      addPieces()
      expect(driver.finish(), Block.Result.ok, "read-indirect")
      expectPattern("read-indirect-contents")
    }
    driver.begin(Block.Request.read, 3)
    driver.queue.add(data, 512, writable: true)
    driver.queue.add(driver.result, 1, writable: true)
    Checks.expect(UInt64(driver.queue.complete(driver.device) ?? 0), is: 513, subject, "read-used-length")
  }

  private mutating func addPieces() {
    Arena.fill(data, 512, with: 0)
    driver.queue.add(data, 1, writable: true)
    driver.queue.add(data + 1, 7, writable: true)
    driver.queue.add(data + 8, 504, writable: true)
  }

  private func expectPattern(_ name: StaticString) {
    let holds = Pattern.holds(data, sector: 3, count: 1, inverted: false)
    Checks.expect(holds, subject, name, "not what the sector holds")
  }

  /// Four requests made available by one notification; the device may finish them in any order.
  private mutating func checkBatch() {
    Arena.fill(data, 4 * 512, with: 0)
    let headers = Arena.take(4 * 32)
    for number in 0..<UInt64(4) {
      let header = headers + 32 * number
      store32(header, Block.Request.read)
      store64(header + 8, number + 4)
      store8(header + 16, Block.Result.none)
      driver.queue.begin(at: UInt16(4 * number))
      driver.queue.add(header, 16)
      driver.queue.add(data + 512 * number, 512, writable: true)
      driver.queue.add(header + 16, 1, writable: true)
      driver.queue.push()
    }
    driver.queue.kick(driver.device, count: 4)
    var seen: UInt32 = 0
    for _ in 0..<4 {
      guard let element = driver.queue.take(), element.id < 16 else { break }
      seen |= 1 << element.id
    }
    Checks.expect(UInt64(seen), is: 0x1111, subject, "read-batch")
    let holds = Pattern.holds(data, sector: 4, count: 4, inverted: false)
    Checks.expect(holds, subject, "read-batch-contents", "not what the sectors hold")
  }

  private mutating func checkWriting() {
    let upper = capacity / 2
    let range = upper..<upper + min(capacity - upper, BlockChecks.sectorLimit)
    let written = forEachRequest(range) { sector, count in
      Pattern.fill(data, sector: sector, count: count, inverted: true)
      return driver.request(Block.Request.write, sector, data, UInt32(count * 512)) == Block.Result.ok
    }
    Checks.expect(written, subject, "write-upper-half", "wrong result")
    if driver.features & Block.FeatureBit.flush != 0 {
      expect(driver.request(Block.Request.flush, 0, 0, 0), Block.Result.ok, "flush")
    }
    Checks.expect(reads(range, inverted: true), subject, "read-back", "wrong result or contents")
    Checks.expect(reads(0..<8, inverted: false), subject, "lower-half-untouched", "wrong result or contents")
  }

  private mutating func checkReadOnly() {
    Pattern.fill(data, sector: 0, count: 1, inverted: true)
    expect(driver.request(Block.Request.write, 0, data, 512), Block.Result.ioError, "read-only-write-refused")
    Checks.expect(reads(0..<1, inverted: false), subject, "read-only-untouched", "wrong result or contents")
  }

  private mutating func checkIdentity() {
    Arena.fill(data, 32, with: 0xaa)
    expect(driver.request(Block.Request.getID, 0, data, 20), Block.Result.ok, "get-id")
    Checks.expect(UInt64(load8(data + 20)), is: 0xaa, subject, "get-id-length")
    Serial.write("id ")
    for index in 0..<UInt64(20) {
      let byte = load8(data + index)
      if byte == 0 { break }
      Serial.write(byte: byte >= 0x20 && byte < 0x7f ? byte : 0x3f)
    }
    Serial.write("\n")
  }

  private mutating func checkErrors() {
    let read = Block.Request.read
    expect(driver.request(read, capacity, data, 512), Block.Result.ioError, "read-behind-end")
    expect(driver.request(read, capacity - 1, data, 1024), Block.Result.ioError, "read-across-end")
    expect(driver.request(read, 1 << 63, data, 512), Block.Result.ioError, "read-far-behind-end")
    expect(driver.request(read, ~0, data, 1024), Block.Result.ioError, "read-wrapping-sector")
    if !driver.isReadOnly {
      expect(
        driver.request(Block.Request.write, capacity, data, 512), Block.Result.ioError, "write-behind-end")
    }
    expect(driver.request(0x1234, 0, data, 512), Block.Result.unsupported, "unknown-request")
    expect(driver.request(read, 0, data, 512), Block.Result.ok, "read-after-errors")
  }
}

func checkBlock(_ device: VirtioDevice) {
  let subject = Subject.device(device)
  guard let driver = BlockDriver(device, wanted: usableFeatures) else {
    return Checks.expect(false, subject, "start", "the device does not come up")
  }
  let data = Arena.take(BlockChecks.sectorsPerRequest * Block.sectorSize, alignment: 4096)
  var checks = BlockChecks(driver: driver, subject: subject, capacity: driver.capacity, data: data)
  checks.run()
}
