import CLinux
import Glibc

/// A timer on the monotonic clock that wakes whoever polls its descriptor (timerfd_create(2)).
public struct TimerDescriptor: ~Copyable, Sendable {
  public let descriptor: FileDescriptor

  public init() throws(SystemError) {
    descriptor = FileDescriptor(
      owning: Int32(
        try checking("timerfd_create") {
          Int(timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC | TFD_NONBLOCK)))
        }))
  }

  /// Fires once after `nanoseconds` (at least one), then every `interval` nanoseconds where that is not 0.
  public func arm(after nanoseconds: UInt64, every interval: UInt64 = 0) {
    set(max(nanoseconds, 1), interval)
  }

  public func disarm() { set(0, 0) }

  /// Takes the expirations since the last call; 0 when there were none.
  @discardableResult
  public func drain() -> UInt64 {
    var count: UInt64 = 0
    return Glibc.read(descriptor.raw, &count, 8) == 8 ? count : 0
  }

  private func set(_ first: UInt64, _ interval: UInt64) {
    func time(_ nanoseconds: UInt64) -> timespec {
      timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }
    var value = itimerspec(it_interval: time(interval), it_value: time(first))
    timerfd_settime(descriptor.raw, 0, &value, nil)
  }
}
