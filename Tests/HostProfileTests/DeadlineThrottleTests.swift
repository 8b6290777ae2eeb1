import Testing

@testable import HostProfile

/// Which deadlines of its timer a guest gets; a second is 1,000 ticks of the time stamp here.
struct DeadlineThrottleTests {
  private static let second: UInt64 = 1000

  @Test func deadlinesAreASecondAwayDuringTheBoot() {
    var throttle = DeadlineThrottle()
    #expect(throttle.later(5010, at: 5000, second: Self.second, onProcessor: 0, waits: 1) == 6000)
    #expect(throttle.later(7000, at: 5000, second: Self.second, onProcessor: 0, waits: 1) == 7000)
  }

  /// One deadline each 10 ticks, on two processors; one of them halts in between, the other one for the last time at 5000.
  @Test func onlyWhoNeverHaltsWaits() {
    var throttle = DeadlineThrottle()
    throttle.isBooting = false
    for now: UInt64 in stride(from: 5000, through: 5500, by: 10) {
      let halting = throttle.later(
        now + 10, at: now, second: Self.second, onProcessor: 3, waits: Int(now / 40))
      #expect(halting == now + 10)
      let busy = throttle.later(now + 10, at: now, second: Self.second, onProcessor: 0, waits: 7)
      #expect(busy == (now < 5050 ? now + 10 : now + 500))
    }
    #expect(throttle.later(9000, at: 5500, second: Self.second, onProcessor: 0, waits: 7) == 9000)
    #expect(throttle.later(5520, at: 5510, second: Self.second, onProcessor: 0, waits: 8) == 5520)
  }
}
