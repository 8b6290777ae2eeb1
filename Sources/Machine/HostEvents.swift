import Configuration
import Devices
import LinuxSystem

/// What the main thread waits for while the machine runs: the person's signals and terminal, the time limit, and the
/// machine.
final class HostEvents {
  private let loop: EventLoop
  /// After ``wait()``, readable when the person wants the process to end at once.
  let signals: SignalDescriptor
  private let limit: TimerDescriptor
  private let haltCheck: TimerDescriptor
  private let control: MachineControl
  private let keeper: KeeperLink?
  private var terminal: ConsoleTerminal?
  /// Whether a person sees another process as the monitor.
  var hasKeeper: Bool { keeper != nil }
  /// Milliseconds until the next look at a guest that may have halted; doubles from one to the next.
  private var haltDelay: UInt64 = HostEvents.firstHaltDelay

  private static let firstHaltDelay: UInt64 = 5
  private static let lastHaltDelay: UInt64 = 640

  /// Blocks the signals it takes, in this thread and those started later: to be made before any other thread.
  /// - Parameter hasConsole: whether standard input, if it is a terminal, will be the guest's.
  init(control: MachineControl, hasConsole: Bool, keeper: KeeperLink?) throws(SystemError) {
    Signal.ignoreFailedWrites()
    let jobControl = hasConsole && Terminal.isTerminal(0) ? ConsoleTerminal.signals : []
    let signals = try SignalDescriptor(Signal.ending + [Signal.windowChanged] + jobControl)
    loop = try EventLoop()
    limit = try TimerDescriptor()
    haltCheck = try TimerDescriptor()
    self.signals = signals
    self.control = control
    self.keeper = keeper
  }

  /// Makes all that is needed to wait; once, before the monitor confines itself.
  /// - Parameters:
  ///   - deadline: when the machine is stopped, in nanoseconds of CLOCK_MONOTONIC.
  ///   - console: the guest's, nil where it has none.
  ///   - checkHalt: make every processor say whether it is halted for good.
  func prepare(
    until deadline: UInt64?, console: (any HostConsole)?, checkHalt: @escaping () -> Void
  ) throws(SystemError) {
    let terminal = try makeTerminal(console)
    try watchMachine(terminal, checkHalt)
    try watchSignals(console, terminal)
    _ = try loop.register(limit.descriptor, .readable) { [unowned self] _ in
      limit.drain()
      control.end(Outcome(.timeLimit))
    }
    if let deadline {
      let now = Clock.monotonicNanoseconds()
      limit.arm(after: deadline > now ? deadline - now : 0)
    }
    self.terminal = terminal
  }

  /// Returns when the machine has ended, with the terminal as it was before.
  func wait() throws(SystemError) {
    defer { terminal?.pause() }
    if !control.isEnding { terminal?.resume() }
    try loop.run()
  }

  private func makeTerminal(_ console: (any HostConsole)?) throws(SystemError) -> ConsoleTerminal? {
    guard let console else { return nil }
    return try ConsoleTerminal(console: console, control: control, loop: loop, keeper: keeper)
  }

  private func watchMachine(
    _ terminal: ConsoleTerminal?, _ checkHalt: @escaping () -> Void
  ) throws(SystemError) {
    _ = try loop.register(control.wake.descriptor, .readable) { [unowned self] _ in
      control.wake.drain()
      if control.isEnding { loop.stop() }
      if control.takeHaltSuspicion() { armHaltCheck(after: HostEvents.firstHaltDelay) }
      if control.takeTerminalSuspicion() { terminal?.resume() }
    }
    _ = try loop.register(haltCheck.descriptor, .readable) { [unowned self] _ in
      haltCheck.drain()
      checkHalt()
      if haltDelay < HostEvents.lastHaltDelay { armHaltCheck(after: haltDelay * 2) }
    }
  }

  private func armHaltCheck(after milliseconds: UInt64) {
    haltDelay = milliseconds
    haltCheck.arm(after: milliseconds * 1_000_000)
  }

  private func watchSignals(
    _ console: (any HostConsole)?, _ terminal: ConsoleTerminal?
  ) throws(SystemError) {
    _ = try loop.register(signals.descriptor, .readable) { [unowned self] _ in
      while let signal = signals.next() {
        switch signal {
        case Signal.windowChanged:
          if let console, let size = ConsoleSize.ofTerminal { console.resize(to: size) }
        case Signal.stop: terminal?.stop()
        case Signal.continue: terminal?.resume()
        case Signal.backgroundInput, Signal.backgroundOutput: break
        default: control.end(Outcome(.signal(UInt8(truncatingIfNeeded: signal))))
        }
      }
    }
  }
}
