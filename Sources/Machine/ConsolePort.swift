import Devices
import LinuxSystem

/// A device that waits for the host as well as for its driver.
protocol LoopResident: VirtioDevice {
  /// Begins to watch what it waits for; once, on the I/O thread, before the guest runs.
  func begin(on loop: EventLoop) throws(SystemError)
}

/// The virtio console joined to the host's side of it.
final class ConsolePort: LoopResident, ConsoleGuest {
  /// Linux 6.1 throws away input that comes before it has set its port up, and does not say when it has. So input waits
  /// for the first output, or this many nanoseconds after the driver has started.
  private static let settlingTime: UInt64 = 1_000_000_000

  private let line: ConsoleLine
  private let device: ConsoleDevice
  private let settling: TimerDescriptor
  private var isSettled = false

  /// - Parameter size: the terminal's, 0 by 0 where it is not known, nil where there is none.
  init(line: ConsoleLine, size: ConsoleSize?) throws(SystemError) {
    settling = try TimerDescriptor()
    self.line = line
    device = ConsoleDevice(output: line, size: size)
    line.guest = self
  }

  var identity: VirtioIdentity { device.identity }

  func activate(_ activation: VirtioActivation) {
    isSettled = false
    line.hasWritten = false
    settling.arm(after: ConsolePort.settlingTime)
    device.activate(activation)
  }

  func reset() { device.reset() }

  func process(queue: Int) -> Bool {
    let more = device.process(queue: queue)
    if line.hasWritten { isSettled = true }
    line.deliver()
    return more
  }

  func begin(on loop: EventLoop) throws(SystemError) {
    _ = try loop.register(settling.descriptor, .readable) { [unowned self] _ in
      settling.drain()
      isSettled = true
      line.deliver()
    }
    line.begin(on: loop)
  }

  func setReading(_ isReading: Bool) { line.setReading(isReading) }
  func resize(to size: ConsoleSize) { device.resize(to: size) }

  func takeInput(_ bytes: ArraySlice<UInt8>) -> Int { isSettled ? device.input(bytes) : 0 }

  func outputHasRoom(on line: ConsoleLine) {
    while device.resumeOutput() {}
  }
}
