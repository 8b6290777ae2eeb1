import Backends
import Configuration
import Devices
import LinuxSystem

/// The source of random bytes joined to the alarm of its rate limit.
final class EntropyPort: LoopResident {
  private let device: EntropyDevice
  private let alarm: LoopAlarm?
  private var turns: LoopTurns?

  /// - Parameter limit: nil where nothing is limited.
  init(_ limit: RateLimit?) throws(SystemError) {
    let (alarm, gate) = try RateGate.make(limit)
    self.alarm = alarm
    device = EntropyDevice(source: try HostEntropy(), gate: gate)
  }

  var identity: VirtioIdentity { device.identity }
  func activate(_ activation: VirtioActivation) { device.activate(activation) }
  func process(queue: Int) -> Bool { device.process(queue: queue) }
  func reset() { device.reset() }

  func begin(on loop: EventLoop) throws(SystemError) {
    guard let alarm else { return }
    let turns = LoopTurns(on: loop) { [unowned device] in device.process(queue: 0) }
    self.turns = turns
    try alarm.begin(on: loop) { [unowned turns] in turns.goOn() }
  }
}
