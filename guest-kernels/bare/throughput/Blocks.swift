import Platform

private let short: UInt32 = 4 << 10
private let long: UInt32 = 128 << 10

/// Reads and writes one piece at a time: looking at the used ring until the device is done, or sleeping until its
/// interrupt.
func measureBlock(_ device: VirtioDevice, _ count: UInt64) -> Bool {
  guard var driver = BlockDriver(device, wanted: Feature.eventIndex) else { return false }
  let data = Arena.take(UInt64(long), alignment: 4096, cleared: false)
  let capacity = driver.capacity
  if capacity < UInt64(long) / Block.sectorSize { return false }
  let subject = Subject.device(device)
  func measure(_ work: Work, _ type: UInt32, _ length: UInt32) {
    let sectors = UInt64(length) / Block.sectorSize
    let places = capacity / sectors
    work.measure(count, subject) { index in
      driver.request(type, index % places &* sectors, data, length) == Block.Result.ok
    }
  }
  measure(.blockRead, Block.Request.read, short)
  measure(.longBlockRead, Block.Request.read, long)
  measure(.blockWrite, Block.Request.write, short)
  measure(.longBlockWrite, Block.Request.write, long)

  let line = Interrupts.line(ofWindow: device.window)
  device.write(Register.interruptACK, device.read(Register.interruptStatus))
  Interrupts.route(line)
  Work.blockReadByInterrupt.measure(count, subject) { index in
    driver.begin(Block.Request.read, index % (capacity / 8) &* 8)
    driver.queue.add(data, short, writable: true)
    driver.queue.add(driver.result, 1, writable: true)
    driver.queue.requestInterrupt()
    driver.queue.push()
    driver.queue.kick(device)
    while !driver.queue.hasUsed { wait_for_interrupt() }
    device.write(Register.interruptACK, 1)
    return driver.queue.take() != nil && load8(driver.result) == Block.Result.ok
  }
  Interrupts.mask(line)
  return true
}

/// Reads four times 128 KiB by one notification; then, where there is a second queue and a second processor is asked
/// for by the monitor, both processors do, each with a queue of its own.
func measureBlockQueues(_ device: VirtioDevice, _ count: UInt64) -> Bool {
  let hasTwo = device.queueCount > 1
  guard let features = device.negotiate(Feature.eventIndex | Block.FeatureBit.queues) else { return false }
  var lane = BlockLane(device, VirtioQueue(0, size: 16, features: features))
  let other = BlockLane(device, VirtioQueue(1, size: 16, features: features))
  guard device.attach(lane.queue), !hasTwo || device.attach(other.queue) else { return false }
  device.run()
  Work.longBlockReads.measure(count, .device(device)) { lane.read($0) }
  guard hasTwo else { return true }

  BlockLane.second = other
  BlockLane.wanted = Arena.take(8)
  BlockLane.done = Arena.take(8)
  SecondProcessor.start { BlockLane.serveSecond() }
  Work.longBlockReadsOfTwo.measure(count, .device(device)) { index in
    store64(BlockLane.wanted, index &+ 1)
    guard lane.read(index) else { return false }
    return Patience.wait { load64(BlockLane.done) == index &+ 1 }
  }
  store64(BlockLane.wanted, BlockLane.enough)
  return true
}

/// A queue of a disk with four requests that are made at once.
private struct BlockLane {
  private static let depth: UInt64 = 4

  let device: VirtioDevice
  var queue: VirtioQueue
  private let headers = Arena.take(depth &* 32)
  private let data = Arena.take(depth &* UInt64(long), alignment: 4096, cleared: false)
  private let places: UInt64

  init(_ device: VirtioDevice, _ queue: VirtioQueue) {
    self.device = device
    self.queue = queue
    places = UInt64(device.read(Register.config)) / UInt64(long / UInt32(Block.sectorSize))
  }

  /// Reads what follows the last.
  mutating func read(_ index: UInt64) -> Bool {
    for number in 0..<BlockLane.depth {
      let header = headers &+ 32 &* number
      store32(header, Block.Request.read)
      store64(header &+ 8, (BlockLane.depth &* index &+ number) % places &* 256)
      store8(header &+ 16, Block.Result.none)
      queue.begin(at: UInt16(BlockLane.depth &* number))
      queue.add(header, 16)
      queue.add(data &+ UInt64(long) &* number, long, writable: true)
      queue.add(header &+ 16, 1, writable: true)
      queue.push()
    }
    queue.kick(device, count: UInt16(BlockLane.depth))
    for _ in 0..<BlockLane.depth where queue.take() == nil { return false }
    for number in 0..<BlockLane.depth where load8(headers &+ 32 &* number &+ 16) != Block.Result.ok {
      return false
    }
    return true
  }

  // MARK: The second processor's

  nonisolated(unsafe) static var second: BlockLane?
  /// Where it stands how often it is to have read, and how often it has.
  nonisolated(unsafe) static var wanted: UInt64 = 0
  nonisolated(unsafe) static var done: UInt64 = 0

  /// Wanted at the end, that the processor sleeps from then on.
  static let enough: UInt64 = ~0

  static func serveSecond() {
    var index: UInt64 = 0
    while load64(wanted) != enough {
      if load64(wanted) == index {
        spin_hint()
        continue
      }
      guard second?.read(index) == true else { return }
      index &+= 1
      store64(done, index)
    }
  }
}
