import Configuration
import Devices
import GuestMemory
import LinuxSystem

/// The end of what the guest has written to its consoles, to be shown with its panic.
final class ConsoleTail: Sendable {
  private static let capacity = 4096
  /// Lines shown at most.
  private static let lineLimit = 24

  private struct State {
    var bytes = [UInt8](repeating: 0, count: capacity)
    /// All bytes that have come; the last of them are in ``bytes``, each where its number is, modulo their count.
    var count = 0
    var isLost = false

    /// Where the next bytes go: at most `wanted` and up to the end of the storage.
    func room(_ wanted: Int) -> Range<Int> {
      let start = count % capacity
      return start..<min(start + wanted, capacity)
    }
  }

  private let state = Lock(State())

  func append(_ bytes: ArraySlice<UInt8>) {
    state.withLock { state in
      for byte in bytes.suffix(Self.capacity) {
        state.bytes[state.count % Self.capacity] = byte
        state.count += 1
      }
    }
  }

  /// The first `count` bytes of the slices; allocates nothing.
  func append(_ slices: [GuestSlice], first count: Int, of memory: GuestMemory) {
    var left = count
    for slice in slices where left > 0 {
      let length = min(slice.count, left)
      left -= length
      // Of a long piece only the end counts.
      var start = max(length - Self.capacity, 0)
      state.withLock { state in
        while start < length {
          let room = state.room(length - start)
          guard let part = try? slice.slice(from: start, count: room.count) else { return }
          var span = state.bytes.mutableSpan
          try? memory.copyOut(part, into: &span, at: room.lowerBound)
          state.count += room.count
          start += room.count
        }
      }
    }
  }

  /// The console's output has not reached whoever reads it.
  func lose() { state.withLock { $0.isLost = true } }

  /// The last lines, safe for a terminal; none where the person has them before their eyes, because the console and
  /// standard error are the same.
  var unseenLines: [String] {
    let (bytes, isLost) = state.withLock { state in
      let kept = min(state.count, Self.capacity)
      return ((state.count - kept..<state.count).map { state.bytes[$0 % Self.capacity] }, state.isLost)
    }
    if !isLost, FileStatus.areSameFile(1, 2) { return [] }
    // A first line that has lost its beginning is left out.
    let isCut = bytes.count == Self.capacity
    return bytes.split(separator: UInt8(ascii: "\n")).dropFirst(isCut ? 1 : 0).suffix(Self.lineLimit).map {
      Diagnostic.printable(String(decoding: $0.filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self))
    }
  }
}
