import Platform

extension Attacker {
  private static let registerSpace: UInt64 = 0x200

  /// Reads and writes every register, and every place between registers, in every width and in every state of
  /// the device.
  mutating func sweepRegisters() {
    let states: [6 of UInt32] = [0, 1, 3, 11, 15, 0x8f]
    let values: [2 of UInt64] = [~0, 1]
    violate("registers-read", variants: 6) { target, variant in
      target.enter(states[variant])
      for offset in 0..<Attacker.registerSpace { target.readAllWidths(offset) }
    }
    violate("registers-written", variants: 12) { target, variant in
      let state = states[variant / 2]
      for offset in 0..<Attacker.registerSpace {
        if offset & 0xf == 0 { target.enter(state) }
        target.writeAllWidths(offset, values[variant % 2])
      }
    }
    violate("configuration-behind-end") { target, _ in
      var offset: UInt64 = 0x200
      while offset < 0x1000 {
        target.readAllWidths(offset &- 3)
        target.writeAllWidths(offset &- 3, ~0)
        offset &+= 0x5c
      }
      for offset in UInt64(0xff8)..<0x1000 { target.readAllWidths(offset) }
    }
  }
}

extension Target {
  /// Puts the device into the state in which status reads `wanted`, as far as it can be had.
  fileprivate func enter(_ wanted: UInt32) {
    _ = device.reset()
    if wanted == 0 { return }
    device.write(Register.status, wanted & 1)
    device.write(Register.status, wanted & 3)
    if wanted & Status.featuresOK == 0 { return }
    device.accept(features: features)
    device.write(Register.status, wanted & 11)
    if wanted & Status.driverOK == 0 { return }
    _ = device.attach(queue)
    device.write(Register.status, wanted)
  }

  fileprivate func readAllWidths(_ offset: UInt64) {
    let address = device.base &+ offset
    _ = load8(address)
    _ = load16(address)
    _ = load32(address)
    _ = load64(address)
  }

  fileprivate func writeAllWidths(_ offset: UInt64, _ value: UInt64) {
    let address = device.base &+ offset
    store8(address, UInt8(truncatingIfNeeded: value))
    store16(address, UInt16(truncatingIfNeeded: value))
    store32(address, UInt32(truncatingIfNeeded: value))
    store64(address, value)
  }
}
