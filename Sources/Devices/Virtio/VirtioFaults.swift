import LinuxSystem

/// Keeps count of a driver's violations from one activation to the next reset: each kind is reported once.
public final class VirtioFaults: Sendable {
  private struct State {
    var reported: UInt64 = 0
    var needsReset = false
  }

  private let state = Lock(State())
  private let device: String
  private let events: any MachineEvents
  private let interrupt: VirtioInterrupt

  init(device: String, events: any MachineEvents, interrupt: VirtioInterrupt) {
    self.device = device
    self.events = events
    self.interrupt = interrupt
  }

  /// DEVICE_NEEDS_RESET of the device status.
  var needsReset: Bool { state.withLock { $0.needsReset } }

  /// A violation that the device could ignore.
  func report(_ violation: DriverViolation) {
    let isNew = state.withLock { state in
      let bit: UInt64 = 1 << UInt64(violation.rawValue)
      defer { state.reported |= bit }
      return state.reported & bit == 0
    }
    if isNew { events.guestEvent(.violation(device: device, violation)) }
  }

  /// A violation after which the device touches its queues no more until it is reset (virtio 1.2, 2.1.2).
  func fail(_ violation: DriverViolation) {
    report(violation)
    state.withLock { $0.needsReset = true }
    interrupt.configurationChanged()
  }

  func clear() { state.withLock { $0 = State() } }
}
