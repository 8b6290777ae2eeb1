import Platform

/// What is repeated between two boot timer marks: 16 + 2 n before it, 17 + 2 n after it.
enum Work: UInt8 {
  case exit
  case blockRead, blockReadByInterrupt, longBlockRead, longBlockReads, longBlockReadsOfTwo
  case blockWrite, longBlockWrite
  case socketEcho, longSocketEcho, socketEchoes
  case networkEcho, longNetworkEcho, networkEchoes
  case tapEcho, longTapEcho, tapEchoes
  case console, longConsole
  case entropy, longEntropy
  case inflate, inflateScattered, deflate, touch
  case lookUp, attributes, open, fileRead, longFileRead, fileWrite, longFileWrite

  /// How often it is done before the marks.
  static let preparation: UInt64 = 8

  /// Does `body` a few times, then `count` times between the marks.
  func measure(_ count: UInt64, _ subject: Subject, _ body: (UInt64) -> Bool) {
    var good = true
    var index: UInt64 = 0
    while index < Work.preparation {
      good = body(index) && good
      index &+= 1
    }
    BootTimer.mark(16 &+ 2 &* rawValue)
    while index < count &+ Work.preparation, good {
      good = body(index)
      index &+= 1
    }
    BootTimer.mark(17 &+ 2 &* rawValue)
    Checks.expect(good, subject, "throughput", "stuck, or a wrong answer")
  }
}

/// How often a thing is done that is many in one.
enum Many {
  /// A queue full of requests, or a long line on the console.
  static let bursts: UInt64 = 100
  /// A mebibyte of memory for the balloon.
  static let mebibytes: UInt64 = 40
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
  var networks = 0
  for window in 0..<VirtioDevice.windowCount {
    guard let device = VirtioDevice(window: window) else { continue }
    let started =
      switch device.kind {
      case .block: measureBlock(device, count) && measureBlockQueues(device, count)
      case .console: measureConsole(device, count)
      case .entropy: measureEntropy(device, count)
      case .socket: measureSocket(device, count)
      case .network: measureNetwork(device, count, isSecond: networks > 0)
      case .balloon: measureBalloon(device, count)
      case .share: measureShare(device, count)
      case nil: true
      }
    if device.kind == .network { networks &+= 1 }
    Checks.expect(started, .device(device), "start", "the device does not come up")
  }
  return Checks.status
}

private func measureConsole(_ device: VirtioDevice, _ count: UInt64) -> Bool {
  guard var driver = ConsoleDriver(device, wanted: Feature.eventIndex) else { return false }
  let data = Arena.take(4096)
  Arena.fill(data, 4096, with: 0x2e)
  Work.console.measure(count, .device(device)) { _ in driver.send(data, 1) }
  Work.longConsole.measure(min(count, Many.bursts), .device(device)) { _ in driver.send(data, 4096) }
  return true
}

private func measureEntropy(_ device: VirtioDevice, _ count: UInt64) -> Bool {
  guard var driver = EntropyDriver(device, wanted: Feature.eventIndex) else { return false }
  let data = Arena.take(4096)
  Work.entropy.measure(count, .device(device)) { _ in driver.fill(data, 64) == 64 }
  Work.longEntropy.measure(count, .device(device)) { _ in driver.fill(data, 4096) == 4096 }
  return true
}
