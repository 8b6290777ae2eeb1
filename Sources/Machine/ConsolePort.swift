import Backends
import Devices
import LinuxSystem

/// A device that waits for the host as well as for its driver.
protocol LoopResident: VirtioDevice {
  /// Begins to watch what it waits for; once, on the I/O thread, before the guest runs.
  func begin(on loop: EventLoop) throws(SystemError)
}

/// A device that has queues processed when something happens on the host, as if its driver had notified.
protocol SelfNotifying: VirtioDevice {
  /// Set before the guest runs; weak, because it holds the device.
  var queues: AttachedDevice? { get set }
}

/// The virtio console, and its named ports, joined to the host's side of them.
final class ConsolePort: LoopResident, SelfNotifying, ConsoleGuest {
  /// Linux 6.1 throws away input that comes before it has set its port up, and does not say when it has. So input waits
  /// for the first output, or this many nanoseconds after the driver has started.
  private static let settlingTime: UInt64 = 1_000_000_000

  /// Nil where the guest's console is another device or none, and this one has named ports only.
  private let line: ConsoleLine?
  private let sockets: [PortSocket]
  private let device: ConsoleDevice
  private let settling: TimerDescriptor
  private var isSettled = false
  weak var queues: AttachedDevice?

  /// - Parameters:
  ///   - size: the terminal's, 0 by 0 where it is not known, nil where there is none.
  ///   - ports: in the order of their numbers.
  init(
    line: ConsoleLine?, size: ConsoleSize?, ports: [(name: String, socket: PortSocket)]
  ) throws(SystemError) {
    settling = try TimerDescriptor()
    self.line = line
    sockets = ports.map(\.socket)
    device = ConsoleDevice(output: line, size: size, ports: ports.map { (name: $0.name, host: $0.socket) })
    line?.guest = self
  }

  var identity: VirtioIdentity { device.identity }

  func activate(_ activation: VirtioActivation) {
    isSettled = false
    line?.hasWritten = false
    if line != nil { settling.arm(after: ConsolePort.settlingTime) }
    device.activate(activation)
  }

  func reset() { device.reset() }

  func process(queue: Int) -> Bool {
    let more = device.process(queue: queue)
    if let line {
      if line.hasWritten { isSettled = true }
      line.deliver()
    }
    return more
  }

  func begin(on loop: EventLoop) throws(SystemError) {
    device.begin { [unowned self] queue in queues?.notify(queue: queue) }
    for socket in sockets { try socket.begin(on: loop) }
    guard let line else { return }
    _ = try loop.register(settling.descriptor, .readable) { [unowned self, line] _ in
      settling.drain()
      isSettled = true
      line.deliver()
    }
    line.begin(on: loop)
  }

  func setReading(_ isReading: Bool) { line?.setReading(isReading) }
  func resize(to size: ConsoleSize) { device.resize(to: size) }

  func takeInput(_ bytes: ArraySlice<UInt8>) -> Int { isSettled ? device.input(bytes) : 0 }

  func outputHasRoom(on line: ConsoleLine) {
    if device.resumeOutput() { queues?.notify(queue: ConsoleDevice.outputQueue) }
  }
}
