import Devices
import LinuxSystem

/// A device that waits for the host as well as for its driver.
protocol LoopResident: VirtioDevice {
  /// Begins to watch what it waits for; once, on the I/O thread, before the guest runs.
  func begin(on loop: EventLoop) throws(SystemError)
}

/// The virtio console joined to the host's side of it.
final class ConsolePort: LoopResident, ConsoleGuest {
  private let line: ConsoleLine
  private let device: ConsoleDevice

  /// - Parameter size: the terminal's, 0 by 0 where it is not known, nil where there is none.
  init(line: ConsoleLine, size: ConsoleSize?) {
    self.line = line
    device = ConsoleDevice(output: line, size: size)
    line.guest = self
  }

  var identity: VirtioIdentity { device.identity }
  func activate(_ activation: VirtioActivation) { device.activate(activation) }
  func reset() { device.reset() }

  func process(queue: Int) -> Bool {
    let more = device.process(queue: queue)
    line.deliver()
    return more
  }

  func begin(on loop: EventLoop) { line.begin(on: loop) }
  func setReading(_ isReading: Bool) { line.setReading(isReading) }
  func resize(to size: ConsoleSize) { device.resize(to: size) }

  func takeInput(_ bytes: ArraySlice<UInt8>) -> Int { device.input(bytes) }

  func outputHasRoom(on line: ConsoleLine) {
    while device.resumeOutput() {}
  }
}
