import Platform

/// The same sequence for the same seed (xorshift64*).
struct Generator {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_f491_4f6c_dd1d
  }

  mutating func below(_ limit: UInt64) -> UInt64 { (next() >> 33) % limit }
  mutating func oneIn(_ count: UInt64) -> Bool { below(count) == 0 }
}

extension Attacker {
  /// Violations made up at random. The same seed makes the same ones.
  mutating func breakRandomRules(seed: UInt64, rounds: UInt64) {
    var generator = Generator(seed: seed)
    violateInactive("random", variants: Int(truncatingIfNeeded: rounds)) { target, _ in
      RandomRound(target).run(&generator)
    }
  }
}

/// One made-up use of a device: some of it right, some of it not.
private struct RandomRound {
  let target: Target
  let device: VirtioDevice
  let playground: UInt64

  init(_ target: Target) {
    self.target = target
    device = target.device
    playground = target.memory.playground
  }

  func run(_ generator: inout Generator) {
    if generator.oneIn(8) { device.accept(features: generator.next()) }
    fillPlayground(&generator)
    attach(&generator)
    if !generator.oneIn(8) { device.run() }
    for _ in 0..<4 + generator.below(12) { step(&generator) }
  }

  /// An address in the playground, or one where no memory is.
  private func address(_ generator: inout Generator) -> UInt64 {
    if generator.oneIn(4) { return target.memory.badAddresses[Int(generator.below(8))] }
    return playground &+ generator.below(Memory.playgroundSize / 16) &* 16
  }

  private func length(_ generator: inout Generator) -> UInt32 {
    let lengths: [8 of UInt32] = [0, 1, 16, 64, 512, 4096, 0x1_0000, 0xffff_ffff]
    return lengths[Int(generator.below(8))]
  }

  /// Descriptors at the playground's beginning, an available ring behind them.
  private func fillPlayground(_ generator: inout Generator) {
    for entry in 0..<UInt16(16) {
      let flags = UInt16(generator.below(8))
      let next = UInt16(generator.oneIn(8) ? generator.below(0x1_0000) : generator.below(16))
      VirtioQueue.put(playground, entry, address(&generator), length(&generator), flags, next: next)
    }
    let ring = playground &+ 0x1000
    store16(ring, 0)
    store16(ring &+ 2, UInt16(generator.oneIn(4) ? generator.below(0x1_0000) : 1 + generator.below(16)))
    for entry in 0..<UInt64(16) {
      let head = generator.oneIn(8) ? generator.below(0x1_0000) : generator.below(16)
      store16(ring &+ 4 &+ 2 &* entry, UInt16(head))
    }
    store32(target.memory.header, UInt32(generator.below(16)))
    store64(target.memory.header &+ 8, generator.oneIn(2) ? 0 : generator.next())
    VirtioQueue.put(playground, 0, target.memory.header, 16, DescriptorFlag.next, next: 1)
  }

  private func attach(_ generator: inout Generator) {
    let size = UInt32(target.queueSize)
    let sizes: [8 of UInt32] = [size, size, size, 1, size / 2, 0, 3, 0x8000]
    device.write(Register.queueSel, target.queue.index)
    device.write(Register.queueNum, sizes[Int(generator.below(8))])
    device.write(pair: Register.queueDescLow, generator.oneIn(8) ? address(&generator) : playground)
    device.write(
      pair: Register.queueDriverLow, generator.oneIn(8) ? address(&generator) : playground &+ 0x1000)
    device.write(
      pair: Register.queueDeviceLow, generator.oneIn(8) ? address(&generator) : playground &+ 0x2000)
    device.write(Register.queueReady, 1)
  }

  private func step(_ generator: inout Generator) {
    switch generator.below(8) {
    case 0..<4:
      device.notify(generator.oneIn(4) ? UInt32(truncatingIfNeeded: generator.next()) : target.queue.index)
    case 4:
      let index = playground &+ 0x1002
      store16(index, load16(index) &+ UInt16(generator.below(4)))
    case 5:
      VirtioQueue.put(
        playground, UInt16(generator.below(16)), address(&generator), length(&generator),
        UInt16(generator.below(8)), next: UInt16(generator.below(16)))
    case 6:
      writeRegister(&generator)
    default:
      _ = load32(device.base &+ generator.below(0x400) &* 4)
    }
  }

  /// Values that put no ring over the guest's own memory: it lies between 1 MiB and the playground.
  private func writeRegister(_ generator: inout Generator) {
    let values: [8 of UInt32] = [0, 1, 2, 15, 0x8000, 0xffff, 0x5a5a_5a5a, 0xffff_ffff]
    device.write(generator.below(0x80) &* 4, values[Int(generator.below(8))])
  }
}
