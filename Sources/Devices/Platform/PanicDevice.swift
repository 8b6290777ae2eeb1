/// What a guest's kernel tells its death by: QEMU's pvpanic (docs/specs/pvpanic in QEMU's source). One byte: read, it
/// says which events are understood; written, which have happened.
public final class PanicDevice: ByteRegisterDevice {
  /// The kernel panicked, and stops or resets.
  static let panicked: UInt8 = 1
  /// The kernel panicked, and another that it had loaded for this begins.
  static let crashKernelLoaded: UInt8 = 2
  /// Bytes of address space.
  public static let size: UInt64 = 1

  private let events: any MachineEvents

  public init(events: any MachineEvents) { self.events = events }

  public func readByte(offset: UInt64) -> UInt8 { Self.panicked | Self.crashKernelLoaded }

  public func writeByte(offset: UInt64, value: UInt8) {
    if value & Self.crashKernelLoaded != 0 {
      events.guestEvent(.crashKernelStarts)
    } else if value & Self.panicked != 0 {
      events.guestEvent(.panic)
    }
  }
}
