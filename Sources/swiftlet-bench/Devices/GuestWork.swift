/// What the guest does again and again between two of its marks, and what a program of the host would do instead.
struct GuestWork {
  /// How often the guest `throughput` does at most what is many in one, and mebibytes for the balloon.
  static let bursts = 100
  static let mebibytes = 40
  /// Frames and packets that fill its queues.
  static let frames = 32
  static let packets = 16
  static let pagesEach = 256
  /// The file in its shared directory.
  static let sharedFile = "shared"
  static let sharedSize = 16 << 20

  let name: String
  /// Bytes that it moves, each way; nil where the time is what counts.
  var bytes: Int?
  /// Whether the guest has the device for it.
  var isPossible = true
  /// How many of it the guest does each time.
  var parts = 1
  /// How often the guest does it at most.
  var limit = Int.max
  /// Makes the host ready; not timed.
  var prepare: () throws -> Void = {}
  /// So many of it; nil where a program of the host does nothing instead.
  var host: HostTwin.Work?

  /// In the order of the guest's marks.
  static func all(_ host: HostTwin) throws -> [GuestWork] {
    [GuestWork(name: "an exit that does nothing (a write to a port)")] + blocks(host) + sockets(host)
      + (try networks(host)) + small(host) + balloon(host) + share(host)
  }

  private static func blocks(_ host: HostTwin) -> [GuestWork] {
    let (short, long) = (4 << 10, 128 << 10)
    return [
      GuestWork(name: "block: read 4 KiB, looking for the answer", bytes: short, host: host.read(short)),
      GuestWork(name: "block: read 4 KiB, asleep until the interrupt", bytes: short, host: host.read(short)),
      GuestWork(name: "block: read 128 KiB", bytes: long, host: host.read(long)),
      GuestWork(name: "block: read 4 × 128 KiB at once, each", bytes: long, parts: 4, host: host.read(long)),
      GuestWork(
        name: "block: the same on two processors, each with a queue, each", bytes: long, parts: 8,
        host: host.readOnTwo(long)),
      GuestWork(name: "block: write 4 KiB", bytes: short, host: host.write(short)),
      GuestWork(name: "block: write 128 KiB", bytes: long, host: host.write(long)),
    ]
  }

  private static func sockets(_ host: HostTwin) -> [GuestWork] {
    [
      GuestWork(name: "vsock: 64 bytes to an echo and back", host: host.echo(64)),
      GuestWork(name: "vsock: 4 KiB to an echo and back", bytes: 4096, host: host.echo(4096)),
      GuestWork(
        name: "vsock: \(packets) × 4 KiB at once to an echo and back, each", bytes: 4096, parts: packets,
        limit: bursts, host: host.echo(4096, together: packets)),
    ]
  }

  private static func networks(_ host: HostTwin) throws -> [GuestWork] {
    func works(
      _ name: String, isPossible: Bool = true,
      _ echo: (_ length: Int, _ together: Int) throws -> HostTwin.Work?
    ) rethrows -> [GuestWork] {
      [
        GuestWork(
          name: "\(name): 64 bytes to an echo and back", isPossible: isPossible, host: try echo(64, 1)),
        GuestWork(
          name: "\(name): 1514 bytes to an echo and back", bytes: 1514, isPossible: isPossible,
          host: try echo(1514, 1)),
        GuestWork(
          name: "\(name): \(frames) × 1514 bytes at once to an echo and back, each", bytes: 1514,
          isPossible: isPossible, parts: frames, limit: bursts, host: try echo(1514, frames)),
      ]
    }
    // The user-mode network has each frame behind its length.
    return works("network, user mode") { host.echo($0 + 4, together: $1) }
      + (try works("network, tap", isPossible: host.hasTap) { try host.echoFrames($0, together: $1) })
  }

  private static func small(_ host: HostTwin) -> [GuestWork] {
    [
      GuestWork(name: "console: one byte out", host: host.writePipe(1)),
      GuestWork(name: "console: 4 KiB out", bytes: 4096, limit: bursts, host: host.writePipe(4096)),
      GuestWork(name: "entropy: 64 bytes", host: host.random(64)),
      GuestWork(name: "entropy: 4 KiB", bytes: 4096, host: host.random(4096)),
    ]
  }

  private static func balloon(_ host: HostTwin) -> [GuestWork] {
    func work(
      _ name: String, prepare: @escaping () throws -> Void = {}, _ work: HostTwin.Work?
    ) -> GuestWork {
      GuestWork(
        name: "balloon: \(name), each page", bytes: 4096, parts: pagesEach, limit: mebibytes,
        prepare: prepare, host: work)
    }
    return [
      work("inflate by \(pagesEach) neighbours", prepare: host.touchAll, host.release(together: pagesEach)),
      work("inflate by \(pagesEach) apart", prepare: host.touchAll, host.release(together: 1)),
      work("deflate by \(pagesEach)", nil),
      work("touch what came back", prepare: host.releaseAll, host.touch),
    ]
  }

  private static func share(_ host: HostTwin) -> [GuestWork] {
    let (short, long) = (4 << 10, 128 << 10)
    return [
      GuestWork(name: "shared directory: look a name up", host: host.attributes),
      GuestWork(name: "shared directory: attributes of a known file", host: host.attributes),
      GuestWork(name: "shared directory: open and close", host: host.open),
      GuestWork(name: "shared directory: read 4 KiB", bytes: short, host: host.readShared(short)),
      GuestWork(name: "shared directory: read 128 KiB", bytes: long, host: host.readShared(long)),
      GuestWork(name: "shared directory: write 4 KiB", bytes: short, host: host.writeShared(short)),
      GuestWork(name: "shared directory: write 128 KiB", bytes: long, host: host.writeShared(long)),
    ]
  }
}
