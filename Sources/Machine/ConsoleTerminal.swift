import Configuration
import Devices
import LinuxSystem

/// The person's terminal while a guest has it as console: raw as long as this process is in the foreground, and as it
/// was before at all other times. Belongs to the main thread.
final class ConsoleTerminal {
  /// The signals of job control, which must be blocked: in the background, reading then fails instead of stopping the
  /// machine, and bringing the attributes back works.
  static let signals = [Signal.stop, Signal.continue, Signal.backgroundInput, Signal.backgroundOutput]
  /// Between two looks at whether the process is in the foreground again, which no event tells.
  private static let lookInterval: UInt64 = 250_000_000

  private var terminal: Terminal
  private let console: any HostConsole
  private let control: MachineControl
  private let looks: TimerDescriptor
  private let keeper: KeeperLink?
  private let parent: ParentProcess?

  /// Registers what it waits for with `loop`, which must not outlive it.
  /// - Parameter keeper: the process that a person sees as the monitor; nil where it is this one.
  /// - Returns: nil where standard input is no terminal.
  init?(
    console: any HostConsole, control: MachineControl, loop: EventLoop, keeper: KeeperLink?
  ) throws(SystemError) {
    guard let terminal = Terminal(0) else { return nil }
    self.terminal = terminal
    self.console = console
    self.control = control
    looks = try TimerDescriptor()
    self.keeper = keeper
    parent = keeper == nil ? ParentProcess() : keeper?.parent
    _ = try loop.register(looks.descriptor, .readable) { [unowned self] _ in
      looks.drain()
      resume()
    }
    try watchParent(on: loop)
  }

  /// A shell takes its terminal back from a job whose first process has died, and this one would never know. Machines
  /// without a terminal live on, as they were perhaps meant to.
  private func watchParent(on loop: EventLoop) throws(SystemError) {
    guard let parent else { return }
    _ = try loop.register(parent.descriptor, .readable) { [control] _ in
      control.end(Outcome(.signal(UInt8(Signal.hangUp)), "the process that started the machine has ended"))
    }
  }

  /// Gives the guest the terminal if this process may have it now, and otherwise looks again later.
  func resume() {
    switch terminal.standing {
    case .foreground:
      looks.disarm()
      guard terminal.makeRaw() else { return hungUp() }
      console.setReading(true)
      if let size = ConsoleSize.ofTerminal { console.resize(to: size) }
    case .background:
      pause()
      looks.arm(after: ConsoleTerminal.lookInterval, every: ConsoleTerminal.lookInterval)
    case .gone:
      hungUp()
    }
  }

  /// Stops the machine's processors and this process until the person continues it.
  func stop() {
    pause()
    if let keeper { keeper.stopBoth() } else { Signal.stopProcess() }
    resume()
  }

  /// Takes the terminal away from the guest.
  func pause() {
    console.setReading(false)
    terminal.restore()
  }

  private func hungUp() {
    looks.disarm()
    control.end(Outcome(.signal(UInt8(Signal.hangUp)), "the terminal has hung up"))
  }
}
