import GuestMemory

/// Passes on the bytes of a transmit queue. A chain is returned to the driver when all of its bytes were taken.
struct OutputDrain {
  /// The bytes one run passes on at most.
  private static let limit = 1 << 20

  /// Bytes of the queue's next chain that were taken already.
  private var written = 0
  private var slices: [GuestSlice] = []

  /// Forgets the chain that was begun.
  mutating func reset() { written = 0 }

  /// - Parameter write: takes bytes in order, and returns how many; fewer than all where it would have to wait, nil
  ///   where nobody will ever read them: then the chain is returned as it is.
  /// - Returns: whether there is more to do now.
  mutating func run(_ queue: VirtioQueue, write: ([GuestSlice]) -> Int?) -> Bool {
    var budget = Self.limit
    var isBlocked = false
    let stop = queue.serve { chain throws(DriverViolation) in
      guard chain.readableCount > 0 else { throw .requestLayout }
      var cursor = ChainCursor(readable: chain)
      cursor.skip(written)
      slices.removeAll(keepingCapacity: true)
      cursor.take(budget, into: &slices)
      let offered = slices.reduce(0) { $0 + $1.count }
      if offered > 0 {
        if let taken = write(slices).map({ min(max($0, 0), offered) }) {
          isBlocked = taken < offered
          budget -= taken
          written += taken
          guard !isBlocked, cursor.remaining == 0 else { return .later }
        }
      } else if cursor.remaining > 0 {
        return .later
      }
      written = 0
      return .used(0)
    }
    switch stop {
    case .limit: return true
    case .later: return !isBlocked
    case .empty, .failed: return false
    }
  }
}
