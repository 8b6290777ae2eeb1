import DeviceFakes
import Devices
import GuestMemory

/// A device and what is at its other end, driven over its registers and rings by a script, watched; it must work for
/// an honest driver afterwards.
extension FuzzTarget {
  /// The first byte says which device.
  static func virtioRegisters(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let devices: [any VirtioDevice] = [
      EntropyDevice(source: FakeEntropy()), BlockDevice(store: FakeStore(sectors: 8)),
      ConsoleDevice(output: FakeOutput(), size: nil),
      BalloonDevice(pages: 1, options: [.statistics, .reporting], host: FakeBalloonMemory()),
    ]
    let device = devices[Int(first) % devices.count]
    let (driver, watch) = try watched(device)
    var reader = Script(Array(bytes.dropFirst()), edge: WatchedMemory.size)
    while !reader.isAtEnd {
      let place = UInt64(reader.byte())
      let value = reader.bytes(4).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
      switch place {
      case ..<0x60: driver.bus.write(address: FakeDriver.window + 4 * place, width: .double, value: value)
      case ..<0xc0:
        // Two bytes of guest memory, where rings and buffers may be.
        try driver.memory.store(
          UInt16(truncatingIfNeeded: value), at: GuestAddress((value >> 16) << 4 | place & 15))
      default:
        let width = AccessWidth.allCases[Int(place % 4)]
        let address = FakeDriver.window + value % 0x1010
        try check(
          driver.bus.read(address: address, width: width) & ~width.mask == 0, "a read wider than asked")
        driver.bus.write(address: address, width: width, value: value << 24 | value)
      }
      try watch.check()
    }
    try driver.start(queues: device.identity.queueSizes.count)
    try check(driver.status == 15, "the device does not start again: \(driver.status)")
    _ = driver.takeViolations()
    if device is EntropyDevice {
      try check(try driver.submit(0, [driver.writable(8)]) == [.init(head: 0, written: 8)], "no more entropy")
    }
    try watch.check()
  }

  static func virtioEntropy(_ bytes: [UInt8]) throws {
    let (driver, watch) = try run(bytes, EntropyDevice(source: FakeEntropy()), queues: 1)
    try check(try driver.submit(0, [driver.writable(8)]) == [.init(head: 0, written: 8)], "no more entropy")
    try watch.check()
  }

  static func virtioConsole(_ bytes: [UInt8]) throws {
    let output = FakeOutput()
    let device = ConsoleDevice(
      output: output, size: (bytes.first ?? 0) % 2 == 0 ? nil : ConsoleSize(columns: 80, rows: 25))
    let (driver, watch) = try run(bytes, device, queues: 2) { script in
      switch script.byte() % 4 {
      case 0: _ = device.input(script.bytes(script.number(below: 64)))
      case 1: output.room = Int(script.byte())
      case 2: while device.resumeOutput() {}
      default: device.resize(to: ConsoleSize(columns: UInt16(script.byte()), rows: 9))
      }
    }
    try check(device.inputRoom >= 0, "more input waits than there is room for")
    output.room = .max
    while device.resumeOutput() {}
    try check(try driver.submit(1, [driver.readable([1, 2, 3])]).count == 1, "no more output")
    try check(output.bytes.suffix(3) == [1, 2, 3], "the output is not what was written")
    // What was typed before comes first.
    let waiting = 4096 - device.inputRoom
    let typed = device.input([7, 8, 9].prefix(device.inputRoom))
    let buffer = driver.writable(4096)
    let used = try driver.submit(0, [buffer])
    try check(
      used == (waiting + typed == 0 ? [] : [.init(head: 0, written: UInt32(waiting + typed))]),
      "input is lost")
    if typed == 3 {
      try check(
        try driver.bytes(buffer, waiting + 3).suffix(3) == [7, 8, 9], "the input is not what was typed")
    }
    try watch.check()
  }

  static func virtioBalloon(_ bytes: [UInt8]) throws {
    let host = FakeBalloonMemory()
    let options = BalloonDevice.Options(rawValue: (bytes.first ?? 0) % 8)
    let device = BalloonDevice(pages: 8, options: options, host: host)
    device.whenToldStatistics { _ in }
    let (driver, watch) = try run(bytes, device, queues: device.identity.queueSizes.count) { script in
      if script.byte() % 2 == 0 {
        device.requestStatistics()
      } else {
        device.targetPages = UInt32(truncatingIfNeeded: script.value())
      }
    }
    let before = host.released.count
    try check(
      try driver.submit(0, [driver.readable([16, 0, 0, 0, 17, 0, 0, 0])]) == [.init(head: 0, written: 0)],
      "no more pages are taken")
    let pages = try driver.memory.slice(at: GuestAddress(0x1_0000), count: 0x2000)
    try check(Array(host.released.dropFirst(before)) == [pages], "other pages released than given")
    try check(try driver.submit(1, [driver.readable([16, 0, 0, 0])]).count == 1, "no page comes back")
    try watch.check()
  }

  static func virtioBlock(_ bytes: [UInt8]) throws {
    let kind = bytes.first ?? 0
    let isReadOnly = kind % 4 == 0
    let queues = kind % 2 == 0 ? 1 : 3
    let store = FakeStore(sectors: 8, isReadOnly: isReadOnly)
    let contents = store.bytes
    let alarm = FakeAlarm()
    let limiter = RateLimiter(bandwidth: TokenBucket(size: 4096, refillTime: 1_000_000), operations: nil)
    let device = BlockDevice(
      store: store, queues: queues, gate: kind % 8 < 4 ? nil : RateGate(limiter, alarm: alarm))
    let (driver, watch) = try watched(device)
    try run(bytes, driver, watch, queues: queues) { script in
      switch script.byte() % 8 {
      case 0: store.fails.toggle()
      case 1: store.isSlow.toggle()
      case 2: store.isBusy.toggle()
      case 3: store.isSimple.toggle()
      case 4: device.finished(script.value(), .done)
      case 5: _ = alarm.ring()
      default: store.finish(script.byte() % 2 == 0 ? .done : .failed)
      }
      try check(store.pending.count <= BlockDevice.pendingLimit, "too many requests are pending")
      device.publishFinished()
      for queue in 0..<queues { driver.host.notify(queue: queue) }
    }
    (store.fails, store.isSlow, store.isBusy) = (false, false, false)
    try check(store.bytes.count == contents.count, "the disk has another size")
    if isReadOnly { try check(store.bytes == contents, "a read-only disk was written") }
    alarm.now += 1 << 50
    let data = driver.writable(512)
    let status = driver.writable(1)
    let header = try driver.readable([UInt8](repeating: 0, count: 16))
    try check(
      try driver.submit(0, [header, data, status]) == [.init(head: 0, written: 513)], "no more reads")
    try check(try driver.bytes(data) == Array(store.bytes.prefix(512)), "the disk reads as something else")
    try check(try driver.bytes(status) == [0], "a read fails")
    try watch.check()
  }

  /// Runs the script, then brings the device up for an honest driver.
  static func run(
    _ bytes: [UInt8], _ device: any VirtioDevice, queues: Int,
    elsewhere: ((inout Script) throws -> Void)? = nil
  ) throws -> (FakeDriver, WatchedTransport) {
    let (driver, watch) = try watched(device)
    try run(bytes, driver, watch, queues: queues, elsewhere: elsewhere)
    return (driver, watch)
  }

  /// Runs the script, then brings the device up for an honest driver.
  static func run(
    _ bytes: [UInt8], _ driver: FakeDriver, _ watch: WatchedTransport, queues: Int,
    elsewhere: ((inout Script) throws -> Void)?
  ) throws {
    var script = Script([0, 0, 4, 0] + bytes.dropFirst(), edge: WatchedMemory.size)
    var scripted = ScriptedDriver(driver, queues: queues, elsewhere: elsewhere)
    while !script.isAtEnd {
      try scripted.step(&script)
      try watch.check()
    }
    try driver.start(queues: queues)
    _ = driver.takeViolations()
  }

  static func watched(_ device: any VirtioDevice) throws -> (FakeDriver, WatchedTransport) {
    let memory = try WatchedMemory.take()
    var watch: WatchedTransport?
    let driver = try FakeDriver(device, memory: memory.guest) { transport in
      let watched = WatchedTransport(transport, memory)
      watch = watched
      return watched
    }
    guard let watch else { throw Finding(description: "the transport was not put on the bus") }
    return (driver, watch)
  }
}
