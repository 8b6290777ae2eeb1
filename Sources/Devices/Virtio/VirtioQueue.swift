import GuestMemory

/// A queue in use: the ring together with the interrupt and the place to report a driver's violations.
///
/// Not Sendable: it belongs to the I/O thread.
public final class VirtioQueue {
  /// What became of a chain.
  enum Outcome {
    /// Done, with this many bytes written into its writable buffers.
    case used(UInt32)
    /// Taken; `complete` gives it back, by its head.
    case kept
    /// It cannot be dealt with now: it stays the next one.
    case later
  }

  /// Why `serve` stopped.
  enum Stop {
    /// There is nothing more; the driver will notify.
    case empty
    /// The limit is reached.
    case limit
    /// A chain was left for later; the driver was asked not to notify meanwhile.
    case later
    /// A driver's violation; the queue is dead until the device is reset.
    case failed
  }

  private var ring: SplitQueue
  private let interrupt: VirtioInterrupt
  private let faults: VirtioFaults

  init(
    layout: QueueLayout, features: Features, memory: GuestMemory, interrupt: VirtioInterrupt,
    faults: VirtioFaults
  ) {
    ring = SplitQueue(layout: layout, features: features, memory: memory)
    self.interrupt = interrupt
    self.faults = faults
  }

  /// Whether the driver has made a chain available.
  func hasAvailable() -> Bool {
    if faults.needsReset { return false }
    do throws(DriverViolation) {
      return try ring.hasAvailable()
    } catch {
      faults.fail(error)
      return false
    }
  }

  /// Calls `body` with each available chain, at most as many as the queue has descriptors, so that a driver that
  /// adds chains for ever cannot keep the thread. Completed chains are shown to the driver before this returns.
  func serve(
    _ body: (borrowing DescriptorChain) throws(DriverViolation) -> Outcome
  ) -> Stop {
    // A device has one driver: after a violation on one queue none of its queues is touched.
    if faults.needsReset { return .failed }
    do throws(DriverViolation) {
      return try serveChecked(body)
    } catch {
      faults.fail(error)
      return .failed
    }
  }

  /// A violation after which the device goes on.
  func report(_ violation: DriverViolation) { faults.report(violation) }

  /// Gives `body` the ring itself: for a device that keeps chains and gives them back later, or several at once. What
  /// was given back is shown to the driver when `body` has returned.
  /// - Returns: false after a violation; the queue is dead until the device is reset.
  func work(_ body: (inout SplitQueue) throws(DriverViolation) -> Void) -> Bool {
    if faults.needsReset { return false }
    do throws(DriverViolation) {
      try body(&ring)
      try publish()
      return true
    } catch {
      faults.fail(error)
      return false
    }
  }

  private func serveChecked(
    _ body: (borrowing DescriptorChain) throws(DriverViolation) -> Outcome
  ) throws(DriverViolation) -> Stop {
    try ring.suppressNotifications()
    var left = ring.size
    repeat {
      while let chain = try ring.pop() {
        switch try body(chain) {
        case .used(let written):
          try ring.complete(chain, written: written)
        case .kept:
          ring.keep(chain)
        case .later:
          ring.putBack(chain)
          try publish()
          return .later
        }
        left -= 1
        if left == 0 {
          try publish()
          return .limit
        }
      }
      try publish()
    } while try ring.requestNotifications()
    return .empty
  }

  /// Gives back a chain that was kept, once; the driver sees it after ``publishCompleted()``.
  func complete(_ head: UInt16, written: UInt32) {
    check { () throws(DriverViolation) in try ring.complete(head, written: written) }
  }

  /// Shows the driver all chains completed.
  func publishCompleted() {
    check { () throws(DriverViolation) in try publish() }
  }

  private func check(_ body: () throws(DriverViolation) -> Void) {
    if faults.needsReset { return }
    do throws(DriverViolation) { try body() } catch { faults.fail(error) }
  }

  private func publish() throws(DriverViolation) {
    if try ring.publish() { interrupt.usedBuffer() }
  }
}
