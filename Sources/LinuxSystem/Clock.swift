import Glibc

public enum Clock {
  /// Nanoseconds of CLOCK_MONOTONIC.
  public static func monotonicNanoseconds() -> UInt64 { now(CLOCK_MONOTONIC) }

  /// Nanoseconds that this process has used of processors, before the program it runs became this one too.
  public static func processorNanoseconds() -> UInt64 { now(CLOCK_PROCESS_CPUTIME_ID) }

  /// Seconds of CLOCK_REALTIME since 1970-01-01 00:00 UTC.
  public static func realTimeSeconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec)
  }

  private static func now(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}
