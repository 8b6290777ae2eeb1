import Bench
import LinuxSystem

/// One way to do a piece of work.
struct Way {
  /// Makes ready for ``work``, or tidies up behind the last; not timed.
  var prepare: () throws -> Void = {}
  let work: () throws -> Void
}

/// The same work done through a device and by the host's own system calls.
struct SideBySide {
  let name: String
  /// How often each way's `work` does it at a call.
  let operations: Int
  /// Bytes that one of them moves; nil where the time is what counts.
  var bytes: Int?
  /// The device, driven by a fake driver in this process.
  let device: Way
  /// What a program of the host would call instead.
  let host: Way

  struct Result {
    let name: String
    let bytes: Int?
    /// Nanoseconds of one operation.
    let device: Samples
    let host: Samples
  }

  /// Has both ways take turns, in an order drawn for each round, so that what else the host does hits both alike.
  /// - Parameter slice: about how long each turn is, in nanoseconds.
  func measure(rounds: Int, slice: UInt64, _ generator: inout SeededGenerator) throws -> Result {
    // The first calls fill caches; what they take tells how many fit into a turn.
    let ways = [device, host]
    let repeats = try ways.map { way in
      _ = try Self.time(way, repeats: 2)
      return max(1, Int(slice / max(1, try Self.time(way, repeats: 2) / 2)))
    }
    var samples = [Samples(), Samples()]
    for _ in 0..<rounds {
      try WatchedSignals.check()
      for index in ways.indices.shuffled(using: &generator) {
        let time = try Self.time(ways[index], repeats: repeats[index])
        samples[index].append(Double(time) / Double(repeats[index] * operations))
      }
    }
    return Result(name: name, bytes: bytes, device: samples[0], host: samples[1])
  }

  private static func time(_ way: Way, repeats: Int) throws -> UInt64 {
    var sum: UInt64 = 0
    for _ in 0..<repeats {
      try way.prepare()
      let start = Clock.monotonicNanoseconds()
      try way.work()
      sum += Clock.monotonicNanoseconds() - start
    }
    return sum
  }
}
