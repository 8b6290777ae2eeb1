import Platform

extension Attacker {
  /// Initialization out of order.
  mutating func breakNegotiation() {
    let both = Status.acknowledge | Status.driver
    violateInactive("features-ok-skipped") { target, _ in
      _ = target.device.reset()
      target.device.write(Register.status, both)
      target.start { $0.write(Register.status, both | Status.driverOK) }
    }
    violateInactive("features-not-offered", variants: 3) { target, variant in
      _ = target.device.reset()
      target.device.write(Register.status, both)
      target.device.accept(features: ([~0, 1 << 55, 0] as [3 of UInt64])[variant])
      target.device.write(Register.status, both | Status.featuresOK)
      target.start { _ in }
    }
    violateInactive("features-changed-late", variants: 2) { target, variant in
      if variant == 0 { target.device.accept(features: ~0) }
      target.start { _ in }
      target.device.accept(features: ~0)
      target.offer { _ in }
    }
    violateInactive("features-selected-outside", variants: 3) { target, variant in
      let selection: UInt32 = ([2, 0x8000_0000, 0xffff_ffff] as [3 of UInt32])[variant]
      target.device.write(Register.deviceFeaturesSel, selection)
      _ = target.device.read(Register.deviceFeatures)
      target.device.write(Register.driverFeaturesSel, selection)
      target.device.write(Register.driverFeatures, 0xffff_ffff)
      target.start { _ in }
    }
    violateInactive("driver-ok-without-queues") { target, _ in
      target.device.run()
      target.poke()
    }
    violateInactive("notified-before-driver-ok") { target, _ in
      _ = target.device.attach(target.queue)
      target.offer { _ in }
    }
    violateInactive("status-odd-values", variants: 6) { target, variant in
      _ = target.device.attach(target.queue)
      target.device.write(
        Register.status, ([4, 8, 0x30, 0x80, 0x1_0000, 0xffff_ffff] as [6 of UInt32])[variant])
      target.offer { _ in }
    }
    violate("status-bits-taken-back", variants: 3) { target, variant in
      target.device.write(Register.status, ([1, 3, 11] as [3 of UInt32])[variant])
      target.offer { _ in }
      target.device.run()
      target.offer { _ in }
    }
    violate("status-needs-reset-by-driver") { target, _ in
      target.device.write(Register.status, 15 | Status.needsReset)
      target.offer { _ in }
    }
    violate("status-failed") { target, _ in
      target.device.write(Register.status, 15 | Status.failed)
      target.offer { _ in }
    }
  }

  /// Misbehaviour of a driver whose device runs.
  mutating func breakRunningDevice(storm: UInt64) {
    violate("notify-storm") { target, _ in
      for _ in 0..<storm { target.device.notify(target.queue.index) }
    }
    let nowhere: [3 of UInt32] = [9, 0xffff, 0xffff_ffff]
    violate("notify-storm-nowhere", variants: 3) { target, variant in
      for _ in 0..<storm / 3 { target.device.notify(nowhere[variant]) }
    }
    violate("broken-request-storm") { target, _ in
      target.put(0, ~0, 0xffff_ffff, DescriptorFlag.next, next: 0xffff)
      for _ in 0..<storm / 20 { target.offer(head: 0) }
    }
    violate("acknowledge-storm") { target, _ in
      for step in 0..<storm / 10 { target.device.write(Register.interruptACK, UInt32(step & 1) &- 1) }
      target.offer { _ in }
    }
    violate("reset-storm") { target, _ in
      for _ in 0..<storm / 50 {
        target.device.notify(target.queue.index)
        _ = target.device.reset()
      }
    }
    breakResetDuringRequest()
  }

  /// After a reset reads back as done, the device must not touch memory any more.
  private mutating func breakResetDuringRequest() {
    var written = false
    violate("reset-during-request", variants: 4) { target, _ in
      let buffer = target.memory.playground
      let length: UInt64 = 0x8000
      let isBlock = target.device.kind == .block
      let writable = isBlock || target.device.kind == .entropy
      target.queue.begin()
      if isBlock { target.queue.add(target.memory.header, 16) }
      if writable { target.queue.add(buffer, UInt32(length), writable: true) }
      if isBlock { target.queue.add(target.memory.result, 1, writable: true) }
      if !writable { return }
      target.queue.push()
      target.device.notify(target.queue.index)
      _ = target.device.reset()
      for page in 0..<length / 4096 { store64(buffer &+ 4096 &* page, 0x7777) }
      store64(target.queue.used, 0x7777)
      _ = Patience.wait(cycles: 2_000_000) { false }
      for page in 0..<length / 4096 where load64(buffer &+ 4096 &* page) != 0x7777 { written = true }
      if load64(target.queue.used) != 0x7777 { written = true }
    }
    let subject = Subject.device(device)
    Checks.expect(!written, subject, "memory-untouched-after-reset", "the device went on writing")
  }
}
