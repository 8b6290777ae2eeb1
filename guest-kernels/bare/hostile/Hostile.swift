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
  let onlyKind = options.number("device=") ?? 0
  let seed = options.number("seed=")
  let storm = options.number("storm=") ?? 10_000
  if seed == nil { attackPanicDevice(storm) }
  var found = 0
  for window in 0..<VirtioDevice.windowCount {
    guard let device = VirtioDevice(window: window) else { continue }
    if onlyKind != 0, onlyKind != UInt64(device.id) { continue }
    found += 1
    if let seed {
      let first = options.number("first=") ?? 0
      let count = options.number("count=") ?? 2000
      Arena.scope {
        if var spree = Spree(device, memory, seed: seed) { spree.run(first..<first &+ count) }
      }
    } else {
      attackByList(device, memory, storm: storm)
    }
  }
  Checks.expect(found > 0, .machine, "devices-found", "no window has one that is to be attacked")
  return Checks.status
}

/// Tells the host again and again that a crash kernel starts, and other events that are none; in any width. The bit that
/// ends the machine is never set.
private func attackPanicDevice(_ storm: UInt64) {
  let register: UInt64 = 0xd010_0000
  for step in 0..<storm {
    store8(register, ([2, 6, 0xfe, 0xfc, 0] as [5 of UInt8])[Int(step % 5)])
    _ = load8(register)
  }
  store32(register, 0x0202_0202)
  store64(register &- 4, ~0)
  store64(register &+ 1, ~0)
}

/// Those of a console's named ports, which follow, are like its first two.
private let listedQueueLimit = 4

private func attackByList(_ device: VirtioDevice, _ memory: Memory, storm: UInt64) {
  for queue in 0..<min(device.queueCount, listedQueueLimit) {
    var attacker = Attacker(device: device, queue: UInt32(queue), memory: memory)
    attacker.breakAllRules(storm: storm)
  }
}

/// Violates rules on one queue of one device and asks for a proof of life after each violation.
struct Attacker {
  let device: VirtioDevice
  let queue: UInt32
  let memory: Memory
  private var proofs: Proofs
  private var failures = 0
  private static let failureLimit = 3

  init(device: VirtioDevice, queue: UInt32, memory: Memory) {
    self.device = device
    self.queue = queue
    self.memory = memory
    proofs = Proofs(device, memory)
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
      guard proofs.work() else { return report(name, variant, "no good request afterwards") }
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
}
