import Devices
import GuestMemory

/// Output kept in memory, with room for only so many bytes.
final class FakeOutput: ConsoleOutput {
  private(set) var bytes: [UInt8] = []
  var room = Int.max

  func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int {
    let all = slices.flatMap { memory.bytes($0) }
    let taken = all.prefix(room)
    bytes += taken
    if room != Int.max { room -= taken.count }
    return taken.count
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// A disk in an array.
final class FakeStore: BlockStore {
  private(set) var bytes: [UInt8]
  let isReadOnly: Bool
  let serialNumber = "serial"
  private(set) var flushes = 0
  var fails = false

  init(sectors: Int, isReadOnly: Bool = false) {
    bytes = (0..<sectors * 512).map { UInt8(truncatingIfNeeded: $0 / 512 &* 7 &+ $0) }
    self.isReadOnly = isReadOnly
  }

  var sectorCount: UInt64 { UInt64(bytes.count / 512) }

  func read(
    into slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64
  ) throws(BlockStoreFailure) {
    if fails { throw BlockStoreFailure() }
    var place = Int(offset)
    for slice in slices {
      try? memory.copyIn(Array(bytes[place..<place + slice.count]).span.bytes, to: slice)
      place += slice.count
    }
  }

  func write(_ slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64) throws(BlockStoreFailure) {
    if fails { throw BlockStoreFailure() }
    var place = Int(offset)
    for slice in slices {
      bytes.replaceSubrange(place..<place + slice.count, with: memory.bytes(slice))
      place += slice.count
    }
  }

  func flush() throws(BlockStoreFailure) {
    if fails { throw BlockStoreFailure() }
    flushes += 1
  }
}

/// Counts up instead of being random.
final class FakeEntropy: EntropySource {
  private var next: UInt8 = 1

  func fill(_ slices: [GuestSlice], of memory: GuestMemory) -> Int {
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
