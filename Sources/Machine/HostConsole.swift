import Backends
import Configuration
import Devices
import LinuxSystem

/// The guest's console as the main thread, which watches the person's terminal, knows it.
protocol HostConsole: Sendable {
  /// Begins or ceases to read a terminal.
  func setReading(_ isReading: Bool)
  /// The terminal has a new size.
  func resize(to size: ConsoleSize)
}

/// A virtio console among the machine's devices.
struct VirtioConsole: HostConsole {
  let device: AttachedDevice

  func setReading(_ isReading: Bool) {
    device.perform { ($0 as? ConsolePort)?.setReading(isReading) }
  }

  func resize(to size: ConsoleSize) {
    device.perform { ($0 as? ConsolePort)?.resize(to: size) }
  }
}

extension ConsoleLine {
  /// A console on standard input, where it has `input`, and standard output.
  static func standard(input: Bool, control: MachineControl) throws(Diagnostic) -> sending ConsoleLine {
    let source =
      try !input
      ? nil
      : host("cannot use standard input as the console") { () throws(SystemError) in
        try ConsoleSource(0)
      }
    let sink = try host("cannot use standard output as the console") { () throws(SystemError) in
      try ConsoleSink(1) { error in
        control.consoleTail.lose()
        // The virtio console and the serial port both write there.
        control.noteOnce("the console's output is lost from here on: \(error.reason)")
      }
    }
    return ConsoleLine(source: source, isTerminal: Terminal.isTerminal(0), sink: sink, control: control)
  }
}

extension ConsoleSize {
  /// Of the terminal that is standard output, otherwise standard input; 0 by 0 where it does not say, nil where there
  /// is no terminal.
  static var ofTerminal: ConsoleSize? {
    for number in [Int32(1), 0] where Terminal.isTerminal(number) {
      guard let size = Terminal.size(number) else { return ConsoleSize(columns: 0, rows: 0) }
      return ConsoleSize(columns: size.columns, rows: size.rows)
    }
    return nil
  }
}

extension MachineBuilder.Parts {
  /// The one console that has standard input; nil where the guest has none.
  var console: (any HostConsole)? { devices.console ?? serial }
}
