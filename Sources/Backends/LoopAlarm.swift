public import Devices
public import LinuxSystem

/// A device's alarm, by a timer that the I/O thread waits for.
public final class LoopAlarm: DeviceAlarm {
  private let timer: TimerDescriptor

  public init() throws(SystemError) { timer = try TimerDescriptor() }

  /// Calls `handler` on the loop's thread whenever the alarm rings; once, before the guest runs.
  public func begin(on loop: EventLoop, _ handler: @escaping () -> Void) throws(SystemError) {
    _ = try loop.register(timer.descriptor, .readable) { [unowned self] _ in
      timer.drain()
      handler()
    }
  }

  public var now: UInt64 { Clock.monotonicNanoseconds() }

  public func ring(after nanoseconds: UInt64) { timer.arm(after: nanoseconds) }
}
