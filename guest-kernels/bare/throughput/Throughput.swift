import Platform

/// What is repeated between two boot timer marks: 16 + 2 n before it, 17 + 2 n after it.
enum Work: UInt8 {
  case exit
  case blockRead, blockReadByInterrupt, longBlockRead, longBlockReads
  case socketEcho, longSocketEcho
  case networkEcho, longNetworkEcho
  case console, entropy

  /// Does `body` a few times, then `count` times between the marks.
  func measure(_ count: UInt64, _ subject: Subject, _ body: (UInt64) -> Bool) {
    var good = true
    var index: UInt64 = 0
    while index < 8 {
      good = body(index) && good
      index &+= 1
    }
    BootTimer.mark(16 &+ 2 &* rawValue)
    while index < count &+ 8, good {
      good = body(index)
      index &+= 1
    }
    BootTimer.mark(17 &+ 2 &* rawValue)
    Checks.expect(good, subject, "throughput", "stuck, or a wrong answer")
  }
}

/// Does `n=` (1,000 unless told) of what each device is for, one after the other; the status is the number of failures.
@c
func guest_main(commandLine: UnsafePointer<UInt8>?) -> UInt8 {
  machine_start()
  let count = CommandLine(text: commandLine).number("n=") ?? 1_000
  Work.exit.measure(count, .machine) { _ in
    out8(0x80, 0)  // no device there
    return true
  }
  for window in 0..<VirtioDevice.windowCount {
    guard let device = VirtioDevice(window: window) else { continue }
    let subject = Subject.device(device)
    var started = true
    switch device.kind {
    case .block: started = measureBlock(device, count)
    case .console:
      guard var driver = ConsoleDriver(device, wanted: Feature.eventIndex) else { return 1 }
      let data = Arena.take(1)
      store8(data, 0x2e)
      Work.console.measure(count, subject) { _ in driver.send(data, 1) }
    case .entropy:
      guard var driver = EntropyDriver(device, wanted: Feature.eventIndex) else { return 1 }
      let data = Arena.take(64)
      Work.entropy.measure(count, subject) { _ in driver.fill(data, 64) == 64 }
    case .socket: started = measureSocket(device, count)
    case .network: started = measureNetwork(device, count)
    default: break
    }
    Checks.expect(started, subject, "start", "the device does not come up")
  }
  return Checks.status
}

/// Reads 4 KiB at a time: looking at the used ring until the device is done, then sleeping until its interrupt. Then
/// 128 KiB at a time, and four times as much by one notification.
private func measureBlock(_ device: VirtioDevice, _ count: UInt64) -> Bool {
  guard var driver = BlockDriver(device, wanted: Feature.eventIndex) else { return false }
  let long: UInt32 = 128 << 10
  let data = Arena.take(UInt64(4 &* long), alignment: 4096)
  let places = driver.capacity / 8
  let longPlaces = driver.capacity / 256
  if longPlaces == 0 { return false }
  let subject = Subject.device(device)
  Work.blockRead.measure(count, subject) { index in
    driver.request(Block.Request.read, index % places &* 8, data, 4096) == Block.Result.ok
  }
  Work.longBlockRead.measure(count, subject) { index in
    driver.request(Block.Request.read, index % longPlaces &* 256, data, long) == Block.Result.ok
  }
  let headers = Arena.take(4 &* 32)
  Work.longBlockReads.measure(count, subject) { index in
    for number in 0..<UInt64(4) {
      let header = headers &+ 32 &* number
      store32(header, Block.Request.read)
      store64(header &+ 8, (4 &* index &+ number) % longPlaces &* 256)
      store8(header &+ 16, Block.Result.none)
      driver.queue.begin(at: UInt16(4 &* number))
      driver.queue.add(header, 16)
      driver.queue.add(data &+ UInt64(long) &* number, long, writable: true)
      driver.queue.add(header &+ 16, 1, writable: true)
      driver.queue.push()
    }
    driver.queue.kick(device, count: 4)
    for _ in 0..<4 where driver.queue.take() == nil { return false }
    for number in 0..<UInt64(4) where load8(headers &+ 32 &* number &+ 16) != Block.Result.ok { return false }
    return true
  }
  let line = Interrupts.line(ofWindow: device.window)
  device.write(Register.interruptACK, device.read(Register.interruptStatus))
  Interrupts.route(line)
  Work.blockReadByInterrupt.measure(count, subject) { index in
    driver.begin(Block.Request.read, index % places &* 8)
    driver.queue.add(data, 4096, writable: true)
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
