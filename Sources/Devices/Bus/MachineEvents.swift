/// What devices tell the machine they belong to. Called on vCPU threads and on the I/O thread.
public protocol MachineEvents: Sendable {
  func guestEvent(_ event: GuestEvent)
}

/// Something the guest did that concerns the whole machine.
public enum GuestEvent: Sendable, Equatable {
  /// The guest asked to be switched off.
  case powerOff
  /// The guest asked for a reset.
  case reset
  /// The guest's kernel panicked.
  case panic
  /// The guest's kernel panicked, and goes on as the one it had loaded for this.
  case crashKernelStarts
  /// The exit status of the guest's workload, for when the guest powers off.
  case workloadStatus(UInt8)
  /// The guest reached a named point of its boot: 1 init started, 2 workload starts, 3 workload ended.
  case bootMark(UInt8)
  /// A write left every IOAPIC pin masked: a halted vCPU may now be halted for good.
  case interruptControllerMasked
  /// A driver broke a rule of virtio with the device of that name. Reported once per kind from one activation to the
  /// next reset.
  case violation(device: String, DriverViolation)
}
