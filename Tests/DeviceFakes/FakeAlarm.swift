import Devices

/// Time as a test tells it.
package final class FakeAlarm: DeviceAlarm {
  package var now: UInt64 = 1_000_000
  /// When it rings next; nil where it is not set.
  package private(set) var ringsAt: UInt64?

  package init() {}

  package func ring(after nanoseconds: UInt64) { ringsAt = now + nanoseconds }

  /// Lets the time pass until it rings.
  /// - Returns: false where it was not set.
  package func ring() -> Bool {
    guard let time = ringsAt else { return false }
    now = time
    ringsAt = nil
    return true
  }
}
