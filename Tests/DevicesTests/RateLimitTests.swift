import DeviceFakes
import Devices
import Testing

private let millisecond: UInt64 = 1_000_000

@Suite("Rate limits")
struct RateLimitTests {
  @Test func noSizeOrNoRefillTimeIsNoLimit() {
    #expect(TokenBucket(size: 0, oneTimeBurst: 5, refillTime: 1) == nil)
    #expect(TokenBucket(size: 5, oneTimeBurst: 5, refillTime: 0) == nil)
  }

  @Test func aBucketRefillsAtItsPace() throws {
    var bucket = try #require(TokenBucket(size: 1000, refillTime: 100 * millisecond))
    #expect(bucket.wait(for: 1000, at: 0) == 0)
    bucket.take(1000, at: 0)
    // Ten tokens a millisecond.
    #expect(bucket.wait(for: 1, at: 0) == millisecond / 10)
    #expect(bucket.wait(for: 10, at: 0) == millisecond)
    #expect(bucket.wait(for: 1000, at: 0) == 100 * millisecond)
    #expect(bucket.wait(for: 10, at: millisecond - 1) == 1)
    #expect(bucket.wait(for: 10, at: millisecond) == 0)
    bucket.take(10, at: millisecond)
    #expect(bucket.wait(for: 1, at: millisecond) == millisecond / 10)
  }

  @Test func itHoldsNoMoreThanItsSize() throws {
    var bucket = try #require(TokenBucket(size: 1000, refillTime: 100 * millisecond))
    bucket.take(400, at: 0)
    #expect(bucket.wait(for: 1000, at: 40 * millisecond) == 0)
    // A year later it is full, not fuller.
    let later = 365 * 86_400_000 * millisecond
    bucket.take(1000, at: later)
    #expect(bucket.wait(for: 1, at: later) == millisecond / 10)
  }

  @Test func theBurstComesFirstAndOnce() throws {
    var bucket = try #require(TokenBucket(size: 100, oneTimeBurst: 250, refillTime: 100 * millisecond))
    #expect(bucket.wait(for: 350, at: 0) == 0)
    bucket.take(200, at: 0)
    #expect(bucket.wait(for: 150, at: 0) == 0)
    bucket.take(150, at: 0)
    #expect(bucket.wait(for: 100, at: 0) == 100 * millisecond)
    bucket.take(100, at: 300 * millisecond)
    #expect(bucket.wait(for: 100, at: 300 * millisecond) == 100 * millisecond)
  }

  @Test func aRequestAboveTheSizePassesWhenFullAndIsOwed() throws {
    var bucket = try #require(TokenBucket(size: 100, refillTime: 100 * millisecond))
    #expect(bucket.wait(for: 1000, at: 0) == 0)
    bucket.take(1000, at: 0)
    #expect(bucket.wait(for: 1, at: 0) == 901 * millisecond)
    #expect(bucket.wait(for: 1, at: 900 * millisecond) == millisecond)
    #expect(bucket.wait(for: 1000, at: 900 * millisecond) == 100 * millisecond)
    #expect(bucket.wait(for: 1000, at: 1000 * millisecond) == 0)
  }

  /// 7 tokens in 3 ns do not divide: taken one by one as soon as they are there, none may be lost by rounding.
  @Test func nothingIsLostByRounding() throws {
    var bucket = try #require(TokenBucket(size: 7, refillTime: 3))
    bucket.take(7, at: 0)
    var now: UInt64 = 0
    for _ in 0..<7000 {
      now += bucket.wait(for: 1, at: now)
      bucket.take(1, at: now)
    }
    #expect(now == 3000)
  }

  @Test func theLargestNumbersDoNotOverflow() throws {
    var bucket = try #require(TokenBucket(size: .max, oneTimeBurst: .max, refillTime: .max))
    for _ in 0..<8 { bucket.take(.max, at: 0) }
    #expect(bucket.wait(for: .max, at: 0) == .max)
    #expect(bucket.wait(for: .max, at: .max) > 0)
    var slow = try #require(TokenBucket(size: 1, refillTime: .max))
    slow.take(1 << 63, at: 5)
    slow.take(.max, at: 5)
    #expect(slow.wait(for: 1, at: 5) == .max)
    // A clock that goes back gives nothing, and takes nothing away.
    #expect(slow.wait(for: 1, at: 0) == .max)
  }

  @Test func bothBucketsMustHaveEnough() throws {
    var limiter = RateLimiter(
      bandwidth: TokenBucket(size: 1000, refillTime: 1000 * millisecond),
      operations: TokenBucket(size: 2, refillTime: 100 * millisecond))
    limiter.take(bytes: 100, at: 0)
    #expect(limiter.wait(forBytes: 900, at: 0) == 0)
    limiter.take(bytes: 100, at: 0)
    #expect(limiter.wait(forBytes: 1, at: 0) == 50 * millisecond, "two operations are through")
    #expect(limiter.wait(forBytes: 900, at: 0) == 100 * millisecond, "100 of the bytes lack")
    var none = RateLimiter(bandwidth: nil, operations: nil)
    none.take(bytes: .max, at: 0)
    #expect(none.wait(forBytes: .max, at: 0) == 0)
  }

  @Test func aClosedGateRingsWhenItOpens() throws {
    let alarm = FakeAlarm()
    let limiter = RateLimiter(bandwidth: nil, operations: TokenBucket(size: 1, refillTime: 10 * millisecond))
    let gate = RateGate(limiter, alarm: alarm)
    #expect(gate.admits(bytes: 1))
    #expect(alarm.ringsAt == nil)
    gate.charge(bytes: 1)
    #expect(!gate.admits(bytes: 1))
    #expect(alarm.ringsAt == alarm.now + 10 * millisecond)
    alarm.now += millisecond
    #expect(!gate.admits(bytes: 1))
    #expect(alarm.ring())
    #expect(gate.admits(bytes: 1))
    #expect(gate.admits(bytes: 1), "asking takes nothing")
  }
}
