import Bench

/// What all measurements in this process share.
final class InProcess {
  /// How many there are, of which those of taps need a network.
  private static let (all, ofTaps) = (51, 4)

  let folder: TemporaryFolder
  let rounds: Int
  /// Nanoseconds of each turn.
  let slice: UInt64
  /// Whether this process has a network of its own, in which it may make taps.
  let hasNetwork: Bool
  /// Of the order of turns.
  var generator: SeededGenerator
  private let progress: ProgressLine
  private var done = 0

  init(folder: TemporaryFolder, rounds: Int, slice: UInt64, hasNetwork: Bool, order: SeededGenerator) {
    (self.folder, self.rounds, self.slice, self.hasNetwork) = (folder, rounds, slice, hasNetwork)
    generator = order
    progress = ProgressLine(total: InProcess.all - (hasNetwork ? 0 : InProcess.ofTaps))
  }

  func measure(_ comparison: SideBySide) throws -> SideBySide.Result {
    progress.show(comparison.name, done: done)
    done += 1
    return try comparison.measure(rounds: rounds, slice: slice, &generator)
  }
}

/// What devices were found to cost in this process, and the same by the host's own calls.
struct DeviceFindings {
  private(set) var device: [Series] = []
  private(set) var host: [Series] = []

  mutating func add(_ results: [SideBySide.Result]) {
    for result in results {
      device.append(Series(result.name, .nanoseconds, result.device.values, moving: result.bytes))
      host.append(Series(result.name, .nanoseconds, result.host.values, moving: result.bytes))
    }
  }
}
