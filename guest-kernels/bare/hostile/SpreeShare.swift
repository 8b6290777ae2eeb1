import Platform

/// Requests of FUSE that are cut short, name what cannot be, or use what was never given.
extension Spree {
  private static let attributesOfSize: UInt32 = 1 << 3

  mutating func breakShare() {
    var writer = Writer(at: message)
    if random.oneIn(3) {
      // A session, that what follows may be more than refused for lack of one.
      Fuse.initialize(&writer)
      store32(message, writer.count)
      send(1, writer.count, room: 128)
      writer = Writer(at: message)
    }
    let operation = random.oneIn(8) ? random.edge32() : 1 &+ UInt32(random.below(52))
    let node = random.oneIn(4) ? random.edge64() : 1 &+ random.below(6)
    Fuse.header(&writer, operation, node)
    writeBody(&writer, operation)
    store32(message, random.oneIn(8) ? random.edge32() : writer.count)
    let there = random.oneIn(8) ? UInt32(random.below(UInt64(writer.count))) : writer.count
    let rooms: [8 of UInt32] = [0, 8, 16, 17, 80, 144, 512, 4096]
    send(random.oneIn(8) ? 0 : 1, there, room: random.one(of: rooms))
  }

  private mutating func writeBody(_ writer: inout Writer, _ operation: UInt32) {
    switch operation {
    case Fuse.Operation.setAttributes:
      // Times and sizes; with its mode the directory would be lost to a user without rights.
      writer.put(Spree.attributesOfSize | UInt32(random.below(4)) << 4)
      writer.put(UInt32(0))
      writer.put(random.edge64())
      for _ in 0..<9 { writer.put(random.edge64()) }
    case Fuse.Operation.allocate:
      // Never so much that the host's disk could be full of it.
      writer.put(random.edge64())
      writer.put(random.edge64())
      writer.put(random.oneIn(2) ? ~0 : random.below(0x1_0000))
      writer.put(random.edge64())
    default:
      // As many bytes as the operation has before its names, most of the time.
      let words = random.oneIn(8) ? random.below(12) : Spree.words(before: operation)
      for _ in 0..<words {
        writer.put(random.oneIn(8) ? random.edge32() : UInt32(random.below(4)))
      }
      let names = random.oneIn(8) ? random.below(4) : Spree.names(in: operation)
      for _ in 0..<names { writeName(&writer) }
    }
  }

  private static func words(before operation: UInt32) -> UInt64 {
    switch operation {
    case 9, 12, 13, 14, 27: 2  // make a directory, rename, link, open
    case 3, 8, 20, 30, 35, 45: 4  // attributes, make a node, synchronize, create, rename with flags
    case 18, 29, 46: 6  // release, seek
    case 15, 16, 28, 44: 10  // read, write, list
    default: 0
    }
  }

  private static func names(in operation: UInt32) -> UInt64 {
    switch operation {
    case 1, 8...11, 13, 35: 1
    case 6, 12, 45: 2
    default: 0
    }
  }

  private mutating func writeName(_ writer: inout Writer) {
    switch random.below(14) {
    case 0: writer.put("..\0")
    case 1: writer.put(".\0")
    case 2: writer.put("\0")
    case 3: writer.put("/\0")
    case 4: writer.put("../outside\0")
    case 5: writer.put("/etc/passwd\0")
    case 6: writer.put("a/b\0")
    case 7: writer.put("link\0")
    case 8: writer.put("folder\0")
    case 9: writer.put("no end")
    case 10:
      // Longer than any name may be.
      for _ in 0..<34 { writer.put(UInt64(0x6e6e_6e6e_6e6e_6e6e)) }
      writer.put(UInt8(0))
    case 11: writer.put("new\0")
    case 12: writer.put("new folder\0")
    default: writer.put("file\0")
    }
  }
}
