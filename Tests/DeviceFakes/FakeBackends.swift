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
  package let blockSize: UInt32
  package let isReadOnly: Bool
  package let serialNumber = "serial"
  package weak var client: (any BlockStoreClient)?
  package private(set) var flushes = 0
  package private(set) var stableWrites = 0
  package private(set) var settled = 0
  package var fails = false
  /// Whether there are no discards, and zeroes cannot be written.
  package var isSimple = false
  /// Operations are left pending until ``finish(_:)``.
  package var isSlow = false
  /// Begins nothing.
  package var isBusy = false
  /// The tickets of what is pending.
  package private(set) var pending: [UInt64] = []
  /// What was discarded or zeroed: place, length, and whether it may take no space.
  package struct Change: Equatable {
    package let offset: UInt64
    package let count: UInt64
    package let mayUnmap: Bool

    package init(offset: UInt64, count: UInt64, mayUnmap: Bool) {
      (self.offset, self.count, self.mayUnmap) = (offset, count, mayUnmap)
    }
  }
  package private(set) var changes: [Change] = []

  package init(sectors: Int, isReadOnly: Bool = false, blockSize: UInt32 = 512) {
    bytes = (0..<sectors * 512).map { UInt8(truncatingIfNeeded: $0 / 512 &* 7 &+ $0) }
    self.isReadOnly = isReadOnly
    self.blockSize = blockSize
  }

  package init(zeroSectors: Int) {
    bytes = [UInt8](repeating: 0, count: 512 * zeroSectors)
    isReadOnly = false
    blockSize = 512
  }

  package var sectorCount: UInt64 { UInt64(bytes.count / 512) }

  package func grow(sectors: Int) { bytes += [UInt8](repeating: 0, count: sectors * 512) }

  package func transfer(
    _ kind: BlockTransfer, _ slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64, ticket: UInt64
  ) -> BlockOutcome {
    if isBusy { return .busy }
    if fails { return .failed }
    var place = Int(offset)
    for slice in slices {
      if kind == .read {
        try? memory.copyIn(Array(bytes[place..<place + slice.count]).span.bytes, to: slice)
      } else {
        bytes.replaceSubrange(place..<place + slice.count, with: memory.bytes(slice))
      }
      place += slice.count
    }
    if kind == .stableWrite { stableWrites += 1 }
    return outcome(ticket)
  }

  package func flush(ticket: UInt64) -> BlockOutcome {
    if isBusy { return .busy }
    if fails { return .failed }
    flushes += 1
    return outcome(ticket)
  }

  private func outcome(_ ticket: UInt64) -> BlockOutcome {
    if isSlow { pending.append(ticket) }
    return isSlow ? .pending : .done
  }

  package func discard(at offset: UInt64, count: UInt64) -> BlockOutcome { change(offset, count, true) }

  package func writeZeroes(at offset: UInt64, count: UInt64, mayUnmap: Bool) -> BlockOutcome {
    change(offset, count, mayUnmap)
  }

  private func change(_ offset: UInt64, _ count: UInt64, _ mayUnmap: Bool) -> BlockOutcome {
    if isSimple { return .unsupported }
    if fails { return .failed }
    changes.append(Change(offset: offset, count: count, mayUnmap: mayUnmap))
    bytes.replaceSubrange(
      Int(offset)..<Int(offset + count), with: [UInt8](repeating: 0, count: Int(count)))
    return .done
  }

  package func submit() {}

  package func settle() {
    settled += 1
    pending = []
  }

  /// Ends all that is pending.
  package func finish(_ outcome: BlockOutcome = .done) {
    let tickets = pending
    pending = []
    for ticket in tickets { client?.finished(ticket, outcome) }
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
