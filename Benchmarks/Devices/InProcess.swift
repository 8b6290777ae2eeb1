import BenchSupport

/// What all measurements in this process share.
struct InProcess {
  let folder: Folder
  let rounds: Int
  /// Nanoseconds of each turn.
  let slice: UInt64
  /// Whether this process has a network of its own, in which it may make taps.
  let hasNetwork: Bool

  func measure(_ comparison: Comparison) throws -> Comparison.Result {
    try comparison.measure(rounds: rounds, slice: slice)
  }
}
