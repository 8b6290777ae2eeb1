/// A limit on a rate: tokens come back at a steady pace, up to a size; a request takes as many as it costs.
///
/// A value without a clock: the caller tells the time, in nanoseconds of a clock that does not go back. It is exact:
/// over any time in which it is never full, as many tokens come back as the pace says, without loss by rounding.
public struct TokenBucket: Sendable, Equatable {
  private let size: UInt64
  private let refillTime: UInt64
  /// What is left of the extra tokens it began with; taken first, and never given back.
  private var burst: UInt64
  /// The tokens that lack until it is full, times `refillTime`: each nanosecond takes `size` off. More than
  /// `size * refillTime` is a debt.
  private var lack: UInt128 = 0
  /// When `lack` was right.
  private var updated: UInt64 = 0

  /// A full bucket; nil where it would be no limit, as one of size 0 or without a refill time.
  /// - Parameters:
  ///   - size: the most tokens that come together.
  ///   - oneTimeBurst: tokens beside those, once.
  ///   - refillTime: the nanoseconds in which an empty one becomes full.
  public init?(size: UInt64, oneTimeBurst: UInt64 = 0, refillTime: UInt64) {
    guard size > 0, refillTime > 0 else { return nil }
    self.size = size
    self.refillTime = refillTime
    burst = oneTimeBurst
  }

  /// Nanoseconds until it has `tokens`; 0 if it has them now. A request for more than its size waits for it to be
  /// full, not for ever.
  public mutating func wait(for tokens: UInt64, at now: UInt64) -> UInt64 {
    update(now)
    let needed = min(tokens > burst ? tokens - burst : 0, size)
    let allowed = UInt128(size - needed) * UInt128(refillTime)
    guard lack > allowed else { return 0 }
    let (time, rest) = (lack - allowed).quotientAndRemainder(dividingBy: UInt128(size))
    return UInt64(clamping: rest == 0 ? time : time + 1)
  }

  /// Takes `tokens`, whether it has them or not: what it has not is owed, and later requests wait for it.
  public mutating func take(_ tokens: UInt64, at now: UInt64) {
    update(now)
    let fromBurst = min(tokens, burst)
    burst -= fromBurst
    let cost = UInt128(tokens - fromBurst) * UInt128(refillTime)
    let (sum, overflow) = lack.addingReportingOverflow(cost)
    lack = overflow ? UInt128.max : sum
  }

  private mutating func update(_ now: UInt64) {
    guard now > updated else { return }
    let returned = UInt128(now - updated) * UInt128(size)
    lack = lack > returned ? lack - returned : 0
    updated = now
  }
}
