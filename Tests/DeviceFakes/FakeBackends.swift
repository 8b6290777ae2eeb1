package import Devices
package import GuestMemory

/// Output kept in memory, with room for only so many bytes.
package final class FakeOutput: ConsoleOutput {
  package private(set) var bytes: [UInt8] = []
  package var room = Int.max

  package init() {}

  package func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int {
    let all = slices.flatMap { memory.bytes($0) }
    let taken = all.prefix(room)
    bytes += taken
    if room != Int.max { room -= taken.count }
    return taken.count
  }

  package var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// A disk in an array.
package final class FakeStore: BlockStore {
  package private(set) var bytes: [UInt8]
  package let isReadOnly: Bool
  package let serialNumber = "serial"
  package private(set) var flushes = 0
  package var fails = false

  package init(sectors: Int, isReadOnly: Bool = false) {
    bytes = (0..<sectors * 512).map { UInt8(truncatingIfNeeded: $0 / 512 &* 7 &+ $0) }
    self.isReadOnly = isReadOnly
  }

  package var sectorCount: UInt64 { UInt64(bytes.count / 512) }

  package func read(
    into slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64
  ) throws(BlockStoreFailure) {
    if fails { throw BlockStoreFailure() }
    var place = Int(offset)
    for slice in slices {
      try? memory.copyIn(Array(bytes[place..<place + slice.count]).span.bytes, to: slice)
      place += slice.count
    }
  }

  package func write(_ slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64)
    throws(BlockStoreFailure)
  {
    if fails { throw BlockStoreFailure() }
    var place = Int(offset)
    for slice in slices {
      bytes.replaceSubrange(place..<place + slice.count, with: memory.bytes(slice))
      place += slice.count
    }
  }

  package func flush() throws(BlockStoreFailure) {
    if fails { throw BlockStoreFailure() }
    flushes += 1
  }
}

/// Counts up instead of being random.
package final class FakeEntropy: EntropySource {
  private var next: UInt8 = 1

  package init() {}

  package func fill(_ slices: [GuestSlice], of memory: GuestMemory) -> Int {
    var count = 0
    for slice in slices {
      for offset in 0..<slice.count {
        try? memory.store(next, in: slice, offset: offset)
        next = next == 255 ? 1 : next + 1
      }
      count += slice.count
    }
    return count
  }
}

/// Keeps what a balloon released.
package final class FakeBalloonMemory: BalloonMemory {
  package private(set) var released: [GuestSlice] = []

  package init() {}

  package func release(_ slice: GuestSlice, of memory: GuestMemory) { released.append(slice) }
}
