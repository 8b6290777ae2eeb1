import Platform

/// Violations made up at random, in batches; after each the device must come up again and do its work.
///
/// A violation depends on the seed, the window and its number alone, so that any can be had again.
struct Spree {
  /// More would make proofs rarer, fewer would make them most of what is done.
  private static let batch: UInt64 = 32

  let device: VirtioDevice
  let memory: Memory
  let seed: UInt64
  var rig: Rig
  var random = Generator(seed: 0, index: 0)
  private var proofs: Proofs

  /// Where messages to the device are written, and where its answers go: neither reaches the guest's own memory.
  var message: UInt64 { memory.playground &+ 0x4000 }
  var answer: UInt64 { memory.playground &+ 0x8000 }

  /// nil when the device does not come out of its reset, which is told.
  init?(_ device: VirtioDevice, _ memory: Memory, seed: UInt64) {
    guard let rig = Rig(device) else {
      Checks.expect(false, .device(device), "generated", "the device does not come up")
      return nil
    }
    self.device = device
    self.memory = memory
    self.seed = seed
    self.rig = rig
    proofs = Proofs(device, memory)
    Arena.fill(memory.playground, Memory.playgroundSize, with: 0)
  }

  mutating func run(_ violations: Range<UInt64>) {
    var first = violations.lowerBound
    while first < violations.upperBound {
      let batch = first..<min(first &+ Spree.batch, violations.upperBound)
      // Said before, for who finds a monitor that ended.
      tell("violations", batch)
      if let failure = survive(batch) {
        Checks.expect(false, .device(device), "generated", failure)
        tell("after violations", batch)
        return narrow(batch)
      }
      first = batch.upperBound
    }
    tell("survived violations", violations)
  }

  private func tell(_ what: StaticString, _ violations: Range<UInt64>) {
    Subject.device(device).write()
    Serial.write(what)
    Serial.write(" ")
    Serial.write(decimal: violations.lowerBound)
    Serial.write(" to ")
    Serial.write(decimal: violations.upperBound &- 1)
    Serial.write(" of seed ")
    Serial.write(decimal: seed)
    Serial.write("\n")
  }

  /// What was wrong; nil when the device works afterwards.
  private mutating func survive(_ batch: Range<UInt64>) -> StaticString? {
    guard rig.start() else { return "the device does not come up" }
    for index in batch {
      random = Generator(seed: seed &+ device.window << 32, index: index)
      violate()
    }
    return proofs.work() ? nil : "no good request afterwards"
  }

  /// Says which violations of a batch suffice alone.
  private mutating func narrow(_ batch: Range<UInt64>) {
    for index in batch where survive(index..<index &+ 1) != nil {
      tell("not survived alone:", index..<index &+ 1)
    }
  }

  private mutating func violate() {
    switch random.below(16) {
    case 0: breakSetup()
    case 1: breakRegisters()
    case 2, 3: breakDescriptors()
    case 4: breakRing()
    case 5: storm()
    default: breakProtocol()
    }
    if rig.needsReset { _ = rig.start() }
  }

  private mutating func breakProtocol() {
    switch device.kind {
    case .network: breakNetwork()
    case .block: breakBlock()
    case .console: breakConsole()
    case .balloon: breakBalloon()
    case .socket: breakSocket()
    case .share: breakShare()
    // Nothing is said to it.
    case .entropy, nil: breakDescriptors()
    }
  }
}

extension Spree {
  var anyQueue: Int { mutating get { Int(random.below(UInt64(rig.count))) } }

  /// Sends a message of so many bytes, and room for an answer, in one piece or several.
  mutating func send(_ queue: Int, _ length: UInt32, room: UInt32 = 0) {
    let isIndirect = random.oneIn(4)
    let half = UInt16(random.below(UInt64(max(rig.queues[queue].size / 4, 1)))) &* 4
    rig.queues[queue].begin(at: half, indirect: isIndirect)
    if length > 1, random.oneIn(4) {
      let split = 1 &+ UInt32(random.below(UInt64(length &- 1)))
      rig.queues[queue].add(message, split)
      rig.queues[queue].add(message &+ UInt64(split), length &- split)
    } else if length > 0 || room == 0 {
      rig.queues[queue].add(message, length)
    }
    if room > 0 { rig.queues[queue].add(answer, room, writable: true) }
    rig.queues[queue].push()
    poke(queue)
  }

  /// Notifies the device and leaves it a moment, most of the time.
  mutating func poke(_ queue: Int) {
    device.notify(UInt32(queue))
    if random.oneIn(8) { return }
    let used = rig.queues[queue].used &+ 2
    let before = load16(used)
    _ = Patience.wait(cycles: 100_000) { load16(used) != before }
  }
}
