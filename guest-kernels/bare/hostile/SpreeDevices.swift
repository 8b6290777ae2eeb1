import Platform

/// Violations of what each kind of device demands of its messages.
extension Spree {
  /// Headers with offloads that cannot be, frames that are none.
  mutating func breakNetwork() {
    var writer = Writer(at: message)
    writer.put(UInt8(truncatingIfNeeded: random.edge32()))
    writer.put(random.one(of: [0, 1, 3, 4, 5, 0x80, 0x81, 0xff] as [8 of UInt8]))
    for _ in 0..<5 { writer.put(random.edge16()) }
    writer.put(UInt64(0x0200_ffff_ffff_ffff))  // to everybody
    writer.put(UInt32(0x0100_0000))
    writer.put(random.one(of: [0x0008, 0x0608, 0xdd86, 0x0081, 0] as [5 of UInt16]))
    writer.put(random.next())
    writer.put(random.next())
    let lengths: [12 of UInt32] = [0, 1, 11, 12, 13, 25, 26, 54, 72, 1526, 0x3000, 0xffff]
    switch random.below(8) {
    case 0: send(0, 12 &+ UInt32(random.below(64)))
    case 1: rig.offer(0, answer, UInt32(random.below(16)), writable: true)
    case 2: send(1, random.one(of: lengths), room: 16)
    default: send(1, random.one(of: lengths))
    }
  }

  /// Requests of any type, at any sector, with data that does not fit them.
  mutating func breakBlock() {
    var writer = Writer(at: message)
    writer.put(random.oneIn(4) ? random.edge32() : random.one(of: [0, 1, 4, 8, 11, 13] as [6 of UInt32]))
    writer.put(random.edge32())
    writer.put(random.edge64())
    // Segments of a discard, or what would be written.
    for _ in 0..<2 {
      writer.put(random.edge64())
      writer.put(random.edge32())
      writer.put(random.edge32())
    }
    let lengths: [8 of UInt32] = [0, 1, 15, 16, 17, 32, 48, 528]
    let rooms: [8 of UInt32] = [0, 1, 2, 20, 21, 512, 513, 1025]
    send(anyQueue, random.one(of: lengths), room: random.one(of: rooms))
  }

  /// Control messages for ports that are not there, in pieces, of no meaning; data of ports that are closed.
  mutating func breakConsole() {
    guard rig.count > Control.transmit else { return breakDescriptors() }
    var writer = Writer(at: message)
    Control.message(
      &writer, random.oneIn(4) ? random.edge16() : UInt16(random.below(9)),
      port: random.oneIn(2) ? random.edge32() : UInt32(random.below(3)),
      random.oneIn(4) ? random.edge16() : UInt16(random.below(2)))
    writer.put(random.next())
    switch random.below(8) {
    case 0: rig.offer(Control.receive, answer, UInt32(random.below(12)), writable: true)
    case 1: send(Control.receive, 8)
    case 2: send(anyQueue | 1, UInt32(random.below(64)), room: 8)
    case 3: send(anyQueue, UInt32(random.below(64)))
    default: send(Control.transmit, UInt32(random.oneIn(4) ? random.below(17) : 8))
    }
  }

  /// Pages that are nowhere, or given twice; lists that end in the middle of a number.
  mutating func breakBalloon() {
    var writer = Writer(at: message)
    let outside = UInt32(truncatingIfNeeded: memory.end >> 12)
    for _ in 0..<8 {
      let lent = UInt32(truncatingIfNeeded: Memory.lent >> 12 &+ random.below(Memory.lentPages))
      writer.put(
        random.one(
          of: [lent, lent, outside, outside &- 1, 0xffff_ffff, 0xf_ffff, 0xd_0000, 0x8000_0000]
            as [8 of UInt32]))
    }
    let lengths: [8 of UInt32] = [0, 1, 3, 4, 6, 10, 32, 31]
    switch random.below(8) {
    case 0: send(anyQueue, random.one(of: lengths), room: 4096)
    case 1: rig.offer(rig.count &- 1, address(in: answer), 4096 &* UInt32(random.below(16)), writable: true)
    case 2: store32(device.base &+ Register.config &+ 4 &* random.below(3), random.edge32())
    default: send(anyQueue, random.one(of: lengths))
    }
  }

  private mutating func address(in place: UInt64) -> UInt64 { place &+ random.below(4096) }

  /// Packets from nowhere, to nobody, of no kind, longer than they are, without regard for credit.
  mutating func breakSocket() {
    var header = SocketHeader(
      device, UInt16(random.below(9)), from: UInt32(random.below(4)))
    header.length = UInt32(random.below(64))
    header.flags = UInt32(random.below(4))
    header.allocation = random.edge32()
    header.forwarded = random.edge32()
    switch random.below(10) {
    case 0: header.sourceCID = random.edge64()
    case 1: header.destinationCID = random.edge64()
    case 2: header.length = random.edge32()
    case 3: header.type = random.edge16()
    case 4: header.operation = random.edge16()
    case 5: header.destinationPort = random.edge32()
    case 6: header.sourcePort = random.edge32()
    case 7: header.flags = random.edge32()
    case 8:
      return rig.offer(0, answer, random.one(of: [0, 1, 43, 44, 45, 4096] as [6 of UInt32]), writable: true)
    default: break
    }
    var writer = Writer(at: message)
    header.write(&writer)
    let there = random.oneIn(8) ? UInt32(random.below(100)) : Socket.headerSize &+ min(header.length, 0x2000)
    send(random.oneIn(16) ? anyQueue : 1, there, room: random.oneIn(16) ? 64 : 0)
  }
}
