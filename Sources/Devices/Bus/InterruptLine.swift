/// An edge-triggered interrupt input of the machine. Each `trigger` is one edge; edges may merge until the
/// guest has taken them, as on hardware.
public protocol InterruptLine: Sendable {
  func trigger()
}

/// Where message-signalled interrupts go: the local APICs.
public protocol MessageInterruptSink: Sendable {
  /// Delivers the x86 message (`address` 0xFEEx_xxxx, `data` with the vector).
  func signal(address: UInt64, data: UInt32)
}
