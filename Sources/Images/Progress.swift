import LinuxSystem
import Synchronization

/// Tells a person what takes long, also while nothing of it gets done. What takes less than a second is not told.
public final class Progress: Sendable {
  private struct State {
    var work = ""
    var done: UInt64 = 0
    var isTold = false
  }

  /// What tells.
  private struct Teller: ~Copyable {
    let thread: Thread
    let stop: Stop

    consuming func end() {
      stop.event.signal()
      thread.join()
    }
  }

  private final class Stop: Sendable {
    let event: EventDescriptor
    init(_ event: consuming EventDescriptor) { self.event = event }
  }

  private let startedAt = Clock.monotonicNanoseconds()
  private let delay: UInt64
  private let tell: (@Sendable (String) -> Void)?
  private let state = Mutex(State())
  private let teller = Mutex<Teller?>(nil)

  /// - Parameter tell: shows a line in place of the last one; the empty one takes it away. Called by another thread.
  public convenience init(tell: @escaping @Sendable (String) -> Void) { self.init(after: 1000, tell: tell) }

  /// - Parameter delay: milliseconds from now in which nothing is told.
  init(after delay: UInt64, tell: (@Sendable (String) -> Void)?) {
    self.delay = delay
    self.tell = tell
  }

  public static let silent = Progress(after: 0, tell: nil)

  /// Work that is begun, as in "unpacking layer 1 of 3".
  func begin(_ work: String) {
    guard let tell else { return }
    state.withLock {
      $0.work = work
      $0.done = 0
    }
    teller.withLock { teller in
      // Who cannot be told works on.
      guard teller == nil, let event = try? EventDescriptor() else { return }
      let stop = Stop(event)
      guard let thread = try? Thread(name: "progress", { [self] in run(tell, until: stop) }) else { return }
      teller = Teller(thread: thread, stop: stop)
    }
  }

  /// - Parameter count: bytes that were dealt with.
  func advance(_ count: Int) {
    guard tell != nil else { return }
    state.withLock { $0.done += UInt64(count) }
  }

  /// Takes the line away, if there is one, and tells no more until other work is begun.
  func end() {
    guard let teller = teller.withLock({ $0.take() }) else { return }
    teller.end()
    let wasTold = state.withLock { state in
      defer { state.isTold = false }
      return state.isTold
    }
    if wasTold { tell?("") }
  }

  private func run(_ tell: (String) -> Void, until stop: Stop) {
    let passed = (Clock.monotonicNanoseconds() - startedAt) / 1_000_000
    var pause = delay > passed ? delay - passed : 0
    while true {
      var entries = [PollEntry(stop.event.descriptor.raw, reading: true)]
      guard (try? PollEntry.wait(&entries, atMost: Int32(clamping: pause))) != nil, !entries[0].isReadable
      else { return }
      tell(
        state.withLock {
          $0.isTold = true
          return $0.done < 1_000_000 ? $0.work : "\($0.work), \($0.done / 1_000_000) MB"
        })
      pause = 200
    }
  }
}
