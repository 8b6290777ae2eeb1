import LinuxSystem
import Synchronization

/// Tells a person what takes long. What takes less than a second is not told.
public final class Progress: Sendable {
  private struct State {
    let startedAt = Clock.monotonicNanoseconds()
    var work = ""
    var done: UInt64 = 0
    var toldAt: UInt64 = 0
  }
  private let state = Mutex(State())
  private let tell: @Sendable (String) -> Void

  /// - Parameter tell: shows a line in place of the last one; the empty one takes it away.
  public init(tell: @escaping @Sendable (String) -> Void) { self.tell = tell }

  public static let silent = Progress { _ in }

  /// Work that is begun, as in "unpacking layer 1 of 3".
  func begin(_ work: String) {
    state.withLock {
      $0.work = work
      $0.done = 0
    }
    advance(0)
  }

  /// - Parameter count: bytes that were dealt with.
  func advance(_ count: Int) {
    let line: String? = state.withLock {
      $0.done += UInt64(count)
      let now = Clock.monotonicNanoseconds()
      guard now - $0.startedAt >= 1_000_000_000, now - $0.toldAt >= 200_000_000 else { return nil }
      $0.toldAt = now
      return $0.done == 0 ? $0.work : "\($0.work), \($0.done / 1_000_000) MB"
    }
    if let line { tell(line) }
  }

  /// Takes the line away, if there is one.
  func end() {
    if state.withLock({ $0.toldAt != 0 }) { tell("") }
    state.withLock { $0.toldAt = 0 }
  }
}
