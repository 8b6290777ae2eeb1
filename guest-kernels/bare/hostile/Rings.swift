import Platform

/// A ring's place in a queue's registers.
private let ringRegisters: [3 of UInt64] = [
  Register.queueDescLow, Register.queueDriverLow, Register.queueDeviceLow,
]

extension Attacker {
  /// Queues set up wrongly: sizes, addresses, indices.
  mutating func breakRings() {
    let sizes: [7 of UInt32] = [0, 3, 17, 0x8000, 0x1_0000, 0x1_0010, 0xffff_ffff]
    violateInactive("queue-size", variants: 7) { target, variant in
      target.start { $0.write(Register.queueNum, sizes[variant]) }
    }
    violateInactive("queue-size-above-maximum") { target, _ in
      target.device.write(Register.queueSel, target.queue.index)
      let largest = target.device.read(Register.queueNumMax)
      target.start { $0.write(Register.queueNum, largest &* 2) }
    }
    let addresses = memory.badAddresses
    violateInactive("ring-address", variants: 8 * 3) { target, variant in
      target.start { $0.write(pair: ringRegisters[variant / 8], addresses[variant % 8]) }
    }
    violateInactive("ring-misaligned", variants: 3) { target, variant in
      let ring = ([target.queue.descriptors, target.queue.available, target.queue.used] as [3 of UInt64])[
        variant]
      target.start { $0.write(pair: ringRegisters[variant], ring &+ 1) }
    }
    violateInactive("rings-overlap") { target, _ in
      let place = target.memory.playground
      target.start { device in
        for ring in 0..<3 { device.write(pair: ringRegisters[ring], place) }
      }
    }
    violateInactive("rings-unset") { target, _ in
      target.start { device in
        for ring in 0..<3 { device.write(pair: ringRegisters[ring], 0) }
      }
    }
    violate("available-index-jumps", variants: 4) { target, variant in
      let jumps: [4 of UInt16] = [target.queueSize + 1, 0x100, 0x8000, 0xffff]
      store16(target.queue.availableIndex, jumps[variant])
      target.poke()
    }
    violate("available-index-races") { target, _ in
      for step in 0..<UInt16(64) {
        store16(target.queue.availableIndex, step &* 0x1357)
        target.device.notify(target.queue.index)
      }
    }
    violate("used-ring-scribbled") { target, _ in
      target.offer { _ in }
      store64(target.queue.used, ~0)
      target.offer { _ in }
    }
    violate("event-index-scribbled", variants: 3) { target, variant in
      store16(target.queue.usedEvent, ([0x7fff, 0x8000, 0xffff] as [3 of UInt16])[variant])
      target.offer { _ in }
    }
  }

  /// Changes to a queue in use.
  mutating func breakActiveQueue() {
    violate("active-size-changed", variants: 3) { target, variant in
      target.device.write(Register.queueNum, ([0, 2, 0xffff] as [3 of UInt32])[variant])
      target.offer { _ in }
    }
    let playground = memory.playground
    violate("active-ring-moved", variants: 6) { target, variant in
      let place = variant < 3 ? playground : ~0
      target.device.write(pair: ringRegisters[variant % 3], place)
      target.offer { _ in }
    }
    violate("active-queue-stopped") { target, _ in
      target.device.write(Register.queueReady, 0)
      target.offer { _ in }
    }
    violate("active-queue-restarted") { target, _ in
      for _ in 0..<16 {
        target.device.write(Register.queueReady, 0)
        target.device.write(Register.queueReady, 1)
        target.offer { _ in }
      }
    }
    violate("queue-ready-odd-values", variants: 3) { target, variant in
      target.device.write(Register.queueReady, ([2, 0x101, 0xffff_ffff] as [3 of UInt32])[variant])
      target.offer { _ in }
    }
    violate("active-rings-scribbled") { target, _ in
      target.offer { _ in }
      Arena.fill(target.queue.available, 4 + 2 * UInt64(target.queueSize), with: 0xff)
      target.poke()
      Arena.fill(target.queue.descriptors, 16 * UInt64(target.queueSize), with: 0xff)
      target.poke()
    }
    let selections: [4 of UInt32] = [2, 7, 0x1_0000, 0xffff_ffff]
    violate("queue-does-not-exist", variants: 4) { target, variant in
      target.device.write(Register.queueSel, selections[variant] &+ target.queue.index)
      target.device.write(Register.queueNum, 16)
      for ring in 0..<3 { target.device.write(pair: ringRegisters[ring], playground) }
      target.device.write(Register.queueReady, 1)
      _ = target.device.read(Register.queueReady)
      target.device.notify(selections[variant])
      target.offer { _ in }
    }
  }
}

extension Target {
  /// Attaches the queue as `change` wants it, starts the device and offers a request.
  mutating func start(_ change: (VirtioDevice) -> Void) {
    device.write(Register.queueSel, queue.index)
    device.write(Register.queueNum, UInt32(queue.size))
    device.write(pair: Register.queueDescLow, queue.descriptors)
    device.write(pair: Register.queueDriverLow, queue.available)
    device.write(pair: Register.queueDeviceLow, queue.used)
    change(device)
    device.write(Register.queueReady, 1)
    device.run()
    offer { _ in }
    offer { _ in }
  }
}
