import Configuration
import LinuxSystem

/// What the main thread waits for while the machine runs: the person's signals, the time limit, and the machine.
final class HostEvents {
  private let loop: EventLoop
  private let signals: SignalDescriptor
  private let limit: TimerDescriptor
  private let haltCheck: TimerDescriptor
  private let control: MachineControl
  /// Milliseconds until the next look at a guest that may have halted; doubles from one to the next.
  private var haltDelay: UInt64 = HostEvents.firstHaltDelay

  private static let firstHaltDelay: UInt64 = 5
  private static let lastHaltDelay: UInt64 = 640

  /// Blocks the signals it takes, in this thread and those started later: to be made before any other thread.
  init(control: MachineControl) throws(SystemError) {
    let signals = try SignalDescriptor([
      Signal.hangUp, Signal.interrupt, Signal.quit, Signal.terminate, Signal.windowChanged,
    ])
    loop = try EventLoop()
    limit = try TimerDescriptor()
    haltCheck = try TimerDescriptor()
    self.signals = signals
    self.control = control
  }

  /// Returns when the machine has ended.
  /// - Parameters:
  ///   - windowChanged: the person's terminal has a new size.
  ///   - checkHalt: make every processor say whether it is halted for good.
  func wait(
    limit nanoseconds: UInt64?, windowChanged: @escaping () -> Void, checkHalt: @escaping () -> Void
  ) throws(SystemError) {
    _ = try loop.register(control.wake.descriptor, .readable) { [unowned self] _ in
      control.wake.drain()
      if control.isEnding { loop.stop() }
      if control.takeHaltSuspicion() { armHaltCheck(after: HostEvents.firstHaltDelay) }
    }
    _ = try loop.register(signals.descriptor, .readable) { [unowned self] _ in
      while let signal = signals.next() {
        if signal == Signal.windowChanged { windowChanged() } else { endBySignal(signal) }
      }
    }
    _ = try loop.register(limit.descriptor, .readable) { [unowned self] _ in
      limit.drain()
      control.end(Outcome(.timeLimit))
    }
    _ = try loop.register(haltCheck.descriptor, .readable) { [unowned self] _ in
      haltCheck.drain()
      checkHalt()
      if haltDelay < HostEvents.lastHaltDelay { armHaltCheck(after: haltDelay * 2) }
    }
    if let nanoseconds { limit.arm(after: nanoseconds) }
    try loop.run()
  }

  private func armHaltCheck(after milliseconds: UInt64) {
    haltDelay = milliseconds
    haltCheck.arm(after: milliseconds * 1_000_000)
  }

  private func endBySignal(_ signal: Int32) {
    control.end(Outcome(.signal(UInt8(truncatingIfNeeded: signal))))
  }
}
