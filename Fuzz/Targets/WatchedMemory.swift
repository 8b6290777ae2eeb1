import Glibc
import LinuxSystem

@testable import GuestMemory

/// A guest's memory and a copy of it, to see what was written since. Kept from one input to the next: fresh pages cost
/// more than all else that an input does.
struct WatchedMemory {
  /// Enough for the rings and buffers of a fake driver.
  static let size: UInt64 = 0x11_0000
  private static let spares = Lock<[WatchedMemory]>([])

  let guest: GuestMemory
  private(set) var copy: [UInt8]

  /// All zero.
  static func take() throws -> WatchedMemory {
    guard let spare = spares.withLock({ $0.popLast() }) else {
      return WatchedMemory(guest: try GuestMemory(size: size), copy: [UInt8](repeating: 0, count: Int(size)))
    }
    spare.guest.fill(try spare.guest.slice(at: GuestAddress(0), count: size), with: 0)
    return spare
  }

  func putBack() { Self.spares.withLock { $0.append(self) } }

  /// Makes the copy what the guest's memory is now; in `ranges` only, where they are given.
  mutating func update(_ ranges: [Range<Int>]? = nil) {
    let start = guest.base
    copy.withUnsafeMutableBytes { copy in
      for range in ranges ?? [copy.indices] {
        let part = UnsafeMutableRawBufferPointer(rebasing: copy[range])
        part.copyMemory(from: UnsafeRawBufferPointer(start: start + range.lowerBound, count: range.count))
      }
    }
  }

  /// The first address at which the guest's memory is not as the copy.
  var firstDifference: Int? {
    let start = guest.base
    return copy.withUnsafeBytes { copy in
      guard let base = copy.baseAddress, memcmp(base, start, copy.count) != 0 else { return nil }
      return copy.indices.first { copy[$0] != start.load(fromByteOffset: $0, as: UInt8.self) }
    }
  }
}
