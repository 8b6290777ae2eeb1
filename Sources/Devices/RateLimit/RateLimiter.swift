/// The limits on one direction of a device: bytes and operations, each nil where it has none.
public struct RateLimiter: Sendable, Equatable {
  private var bandwidth: TokenBucket?
  private var operations: TokenBucket?

  public init(bandwidth: TokenBucket?, operations: TokenBucket?) {
    self.bandwidth = bandwidth
    self.operations = operations
  }

  /// Nanoseconds until one operation of `bytes` bytes may pass; 0 if it may now. Nothing is taken yet. One whose
  /// length shows only afterwards asks for one byte.
  public mutating func wait(forBytes bytes: Int, at now: UInt64) -> UInt64 {
    let forBytes = bandwidth?.wait(for: UInt64(clamping: bytes), at: now) ?? 0
    let forOperation = operations?.wait(for: 1, at: now) ?? 0
    return max(forBytes, forOperation)
  }

  /// An operation of `bytes` bytes passes.
  public mutating func take(bytes: Int, at now: UInt64) {
    bandwidth?.take(UInt64(clamping: bytes), at: now)
    operations?.take(1, at: now)
  }
}

/// The time for a device on the I/O thread, and how it is called again later.
public protocol DeviceAlarm: AnyObject {
  /// Nanoseconds of a clock that does not go back.
  var now: UInt64 { get }

  /// Has the device called once, in that many nanoseconds; instead of what was asked for before.
  func ring(after nanoseconds: UInt64)
}

/// A rate limiter at work. Belongs to the I/O thread.
///
/// A device asks before each operation. Told to wait, it leaves the operation where it is and goes on when the alarm
/// rings, which is set already.
public final class RateGate {
  private var limiter: RateLimiter
  private let alarm: any DeviceAlarm
  /// When the alarm rings, in nanoseconds of its clock: no operation can pass before, so nobody asks the buckets.
  private var closedUntil: UInt64 = 0

  public init(_ limiter: RateLimiter, alarm: any DeviceAlarm) {
    self.limiter = limiter
    self.alarm = alarm
  }

  /// Whether one operation of `bytes` bytes may pass now.
  public func admits(bytes: Int) -> Bool {
    let now = alarm.now
    if now < closedUntil { return false }
    let wait = limiter.wait(forBytes: bytes, at: now)
    if wait == 0 { return true }
    closedUntil = now.addingReportingOverflow(wait).overflow ? UInt64.max : now + wait
    alarm.ring(after: wait)
    return false
  }

  /// An operation of `bytes` bytes has passed.
  public func charge(bytes: Int) { limiter.take(bytes: bytes, at: alarm.now) }
}
