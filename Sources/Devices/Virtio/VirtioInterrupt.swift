import Synchronization

/// A device's interrupt: what happened, in the InterruptStatus register, and the line that says so.
public final class VirtioInterrupt: Sendable {
  static let usedBufferBit: UInt32 = 1
  static let configurationBit: UInt32 = 2

  private let bits = Atomic<UInt32>(0)
  private let line: any InterruptLine

  public init(line: any InterruptLine) { self.line = line }

  /// The device used a buffer of some queue.
  public func usedBuffer() { raise(Self.usedBufferBit) }

  /// The configuration space, or DEVICE_NEEDS_RESET in the status, changed.
  public func configurationChanged() { raise(Self.configurationBit) }

  var status: UInt32 { bits.load(ordering: .sequentiallyConsistent) }

  func acknowledge(_ handled: UInt32) {
    bits.bitwiseAnd(~handled, ordering: .sequentiallyConsistent)
  }

  /// The line is triggered also for a bit that is set already: the driver may be just acknowledging it.
  private func raise(_ bit: UInt32) {
    bits.bitwiseOr(bit, ordering: .sequentiallyConsistent)
    line.trigger()
  }
}
