import Synchronization

/// The reset control register that chipsets have at port 0xCF9, by which kernels reset a machine where the keyboard
/// controller is not asked (Linux: `reboot=pci`): a write with bit 2 set resets, other bits are kept and mean nothing.
public final class ResetControl: ByteRegisterDevice {
  private static let resetProcessor: UInt8 = 0x04

  private let events: any MachineEvents
  private let value = Atomic<UInt8>(0)

  public init(events: any MachineEvents) { self.events = events }

  public func readByte(offset: UInt64) -> UInt8 { value.load(ordering: .relaxed) }

  public func writeByte(offset: UInt64, value: UInt8) {
    self.value.store(value & ~Self.resetProcessor, ordering: .relaxed)
    if value & Self.resetProcessor != 0 { events.guestEvent(.reset) }
  }
}
