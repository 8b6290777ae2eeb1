import Platform

/// Breaks the rules of every device found, one after another; after each violation the device must come up
/// again and do its work. The status is the number of times it did not.
@c
func guest_main(commandLine: UnsafePointer<UInt8>?, bootParameters: UInt64) -> UInt8 {
  machine_start()
  Patience.limit = 1 << 32  // a stuck device is to be expected here, and comes many times
  guard bootParameters != 0, let memory = Memory(bootParameters: bootParameters) else {
    Checks.expect(false, .machine, "memory", "no RAM at 1 MiB in the E820 map")
    return Checks.status
  }
  let options = CommandLine(text: commandLine)
  var found = 0
  for window in 0..<VirtioDevice.windowCount {
    guard let device = VirtioDevice(window: window) else { continue }
    found += 1
    for queue in 0..<queueCount(of: device) {
      var attacker = Attacker(device: device, queue: queue, memory: memory)
      attacker.breakAllRules(storm: options.number("storm=") ?? 10_000)
      if let seed = options.number("seed=") {
        attacker.breakRandomRules(seed: seed, rounds: options.number("rounds=") ?? 200)
      }
    }
  }
  Checks.expect(found > 0, .machine, "devices-found", "every window is empty")
  return Checks.status
}

/// How many queues are worth attacking.
private func queueCount(of device: VirtioDevice) -> UInt32 { device.kind == .console ? 2 : 1 }

/// Violates rules on one queue of one device and asks for a proof of life after each violation.
struct Attacker {
  let device: VirtioDevice
  let queue: UInt32
  let memory: Memory
  private var proofs: UInt64 = 0
  private var failures = 0
  private static let failureLimit = 3

  init(device: VirtioDevice, queue: UInt32, memory: Memory) {
    self.device = device
    self.queue = queue
    self.memory = memory
  }

  mutating func breakAllRules(storm: UInt64) {
    breakAddresses()
    breakChains()
    breakRequests()
    breakIndirectTables()
    breakRings()
    breakActiveQueue()
    breakNegotiation()
    breakRunningDevice(storm: storm)
    if queue == 0 { sweepRegisters() }  // registers are the device's, not the queue's
  }

  /// Brings the device up with its queue active, lets `body` violate a rule in each of its variants, and has
  /// the device prove after each that it still works.
  mutating func violate(
    _ name: StaticString, variants: Int = 1, features: UInt64 = Feature.indirectDesc | Feature.eventIndex,
    _ body: (inout Target, Int) -> Void
  ) {
    attempt(name, variants: variants) { attacker, variant in
      guard var target = attacker.target(features) else { return false }
      guard target.device.attach(target.queue) else { return false }
      target.device.run()
      body(&target, variant)
      return true
    }
  }

  /// The same for a device that is left at FEATURES_OK, its queue not attached.
  mutating func violateInactive(
    _ name: StaticString, variants: Int = 1, features: UInt64 = Feature.indirectDesc | Feature.eventIndex,
    _ body: (inout Target, Int) -> Void
  ) {
    attempt(name, variants: variants) { attacker, variant in
      guard var target = attacker.target(features) else { return false }
      body(&target, variant)
      return true
    }
  }

  private func target(_ features: UInt64) -> Target? {
    Target(device, queue: queue, features: features, memory: memory)
  }

  private mutating func attempt(
    _ name: StaticString, variants: Int, _ body: (inout Attacker, Int) -> Bool
  ) {
    if failures == Attacker.failureLimit { return }
    for variant in 0..<variants {
      guard Arena.scope({ body(&self, variant) }) else {
        return report(name, variant, "the device does not come up")
      }
      guard Arena.scope({ prove() }) else { return report(name, variant, "no good request afterwards") }
    }
    Serial.write("violation ")
    writeSubject()
    Serial.write(name)
    Serial.write(": survived\n")
  }

  private func writeSubject() {
    Subject.device(device).write()
    Serial.write("queue")
    Serial.write(decimal: UInt64(queue))
    Serial.write(" ")
  }

  /// A device that does not come back is left alone after a few times: each costs seconds of waiting.
  private mutating func report(_ name: StaticString, _ variant: Int, _ why: StaticString) {
    Checks.expect(false, .device(device), name, why)
    Serial.write("in variant ")
    Serial.write(decimal: UInt64(variant))
    failures += 1
    Serial.write(failures == Attacker.failureLimit ? "; the rest is left out\n" : "\n")
  }

  /// A good request on the device brought up anew.
  private mutating func prove() -> Bool {
    proofs &+= 1
    switch device.kind {
    case .block: return proveBlock()
    case .console: return proveConsole()
    case .entropy: return proveEntropy()
    case nil: return device.negotiate(0) != nil
    }
  }

  /// A writable disk must keep what is written to its last sector; another must read the same twice.
  private func proveBlock() -> Bool {
    guard var driver = BlockDriver(device, wanted: 0), driver.capacity > 0 else { return false }
    let sector = driver.capacity &- 1
    let written = Arena.take(512)
    let read = Arena.take(512)
    let type = driver.isReadOnly ? Block.Request.read : Block.Request.write
    if !driver.isReadOnly {
      store64(written, proofs)
      store64(written &+ 504, ~proofs)
    }
    guard driver.request(type, sector, written, 512) == Block.Result.ok else { return false }
    guard driver.request(Block.Request.read, sector, read, 512) == Block.Result.ok else { return false }
    return load64(read) == load64(written) && load64(read &+ 504) == load64(written &+ 504)
  }

  /// The console shows a dot for each proof.
  private func proveConsole() -> Bool {
    guard var driver = ConsoleDriver(device, wanted: 0) else { return false }
    let dot = Arena.take(1)
    store8(dot, 0x2e)
    return driver.send(dot, 1)
  }

  private func proveEntropy() -> Bool {
    guard var driver = EntropyDriver(device, wanted: 0) else { return false }
    let data = Arena.take(16)
    let count = driver.fill(data, 16) ?? 0
    return count > 0 && count <= 16
  }
}
