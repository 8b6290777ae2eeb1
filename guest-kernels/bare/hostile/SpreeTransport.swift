import Platform

/// Violations of what every virtio device demands.
extension Spree {
  /// Values that put no ring over the guest's own memory: it lies between 1 MiB and the memory lent.
  private var values: [8 of UInt32] { [0, 1, 2, 15, 0x8000, 0xffff, 0x5a5a_5a5a, 0xffff_ffff] }

  /// An address in the playground, or one where no memory is.
  private mutating func address() -> UInt64 {
    if random.oneIn(3) { return memory.badAddresses[Int(random.below(8))] }
    return memory.playground &+ random.below(Memory.playgroundSize / 16) &* 16
  }

  private mutating func length() -> UInt32 {
    random.one(of: [0, 1, 16, 64, 512, 4096, 0x1_0000, 0xffff_ffff] as [8 of UInt32])
  }

  /// Registers in the middle of initialization, then a queue set up wrongly.
  mutating func breakSetup() {
    _ = device.reset()
    let both = Status.acknowledge | Status.driver
    let statuses: [6 of UInt32] = [0, 1, both, both | Status.featuresOK, Status.driverOK, 0xff]
    device.write(Register.status, random.one(of: statuses))
    writeRegisters()
    guard device.negotiate(random.oneIn(2) ? ~0 : random.next()) != nil else {
      _ = rig.start()
      return
    }
    let queue = anyQueue
    setUp(queue)
    device.run()
    device.notify(UInt32(queue))
    _ = rig.start()
  }

  private mutating func writeRegisters() {
    for _ in 0..<1 &+ random.below(4) {
      let register = random.below(0x80) &* 4
      device.write(register, random.one(of: values))
      _ = load32(device.base &+ random.below(0x400) &* 4)
    }
  }

  private mutating func setUp(_ queue: Int) {
    let size = UInt32(rig.queues[queue].size)
    device.write(Register.queueSel, random.oneIn(8) ? random.edge32() : UInt32(queue))
    let sizes: [8 of UInt32] = [0, 3, size &* 2, 0xffff_ffff, size, size, size, size]
    device.write(Register.queueNum, random.one(of: sizes))
    let place = memory.playground
    // One of the rings, most of the time.
    let flawed = random.below(4)
    for ring in 0..<UInt64(3) {
      let flaw = ring == flawed ? address() &+ random.below(2) : place &+ 0x1000 &* ring
      device.write(pair: Register.queueDescLow &+ 0x10 &* ring, flaw)
    }
    device.write(Register.queueReady, random.oneIn(8) ? random.edge32() : 1)
  }

  /// Registers of a device that runs; its queues changed, its status.
  mutating func breakRegisters() {
    let queue = anyQueue
    switch random.below(6) {
    case 0: writeRegisters()
    case 1:
      device.write(Register.queueSel, UInt32(queue))
      device.write(Register.queueNum, random.edge32())
      device.write(pair: Register.queueDescLow, address())
    case 2:
      device.write(Register.queueSel, UInt32(queue))
      device.write(Register.queueReady, 0)
      device.write(Register.queueReady, 1)
    case 3:
      device.write(Register.status, random.one(of: [1, 3, 11, 15 | Status.failed, 79, ~0] as [6 of UInt32]))
    case 4: device.accept(features: random.edge64())
    default:
      let place = device.base &+ 0x100 &+ random.below(0x100)
      store8(place, UInt8(truncatingIfNeeded: random.next()))
      store64(place, random.edge64())
    }
    send(queue, 16)
    // What a reset undoes; the queue may be in disorder, too.
    _ = rig.start()
  }

  /// A chain of good buffers with one thing wrong about it, or of any buffers at all.
  mutating func breakDescriptors() {
    let queue = anyQueue
    let size = rig.queues[queue].size
    let count = 2 &+ UInt16(random.below(3))
    let flaw = random.below(8)
    for entry in 0..<count {
      let isLast = entry == count &- 1
      var flags = isLast ? 0 : DescriptorFlag.next
      var next = (entry &+ 1) % size
      var place = memory.playground &+ 0x4000 &+ UInt64(entry) &* 64
      var length: UInt32 = 16
      switch flaw {
      case 0 where isLast: place = memory.badAddresses[Int(random.below(8))]
      case 1: (flags, next) = (DescriptorFlag.next, (entry &+ 1) % count)
      case 2 where entry == 0: flags |= DescriptorFlag.write
      case 3 where entry == 0: next = size &+ random.edge16() % 0x4000
      case 4: length = 0xffff_ff00 &+ UInt32(entry)
      case 5: flags |= DescriptorFlag.indirect
      case 6: (place, length, flags, next) = (address(), self.length(), random.edge16(), random.edge16())
      default: break
      }
      VirtioQueue.put(rig.queues[queue].descriptors, entry % size, place, length, flags, next: next)
    }
    rig.queues[queue].push(head: flaw == 7 ? size &+ random.edge16() % 0x4000 : 0)
    poke(queue)
  }

  /// Indices that jump, and scribbles over the rings.
  mutating func breakRing() {
    let queue = anyQueue
    let ring = rig.queues[queue]
    if random.oneIn(2) {
      // Another request would put the index right again.
      store16(ring.availableIndex, load16(ring.availableIndex) &+ random.edge16())
      return poke(queue)
    }
    switch random.below(3) {
    case 0: store16(ring.available &+ 4 &+ 2 &* random.below(UInt64(ring.size)), random.edge16())
    case 1: store64(ring.used &+ 8 &* random.below(1 &+ UInt64(ring.size)), random.next())
    default: store16(ring.usedEvent, random.edge16())
    }
    send(queue, 16)
  }

  mutating func storm() {
    let queue = UInt32(truncatingIfNeeded: random.oneIn(2) ? UInt64(anyQueue) : UInt64(random.edge32()))
    for _ in 0..<8 &+ random.below(32) { device.notify(queue) }
  }
}
