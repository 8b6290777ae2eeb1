/// The keyboard controller's reset line, the way x86 kernels reboot: nothing else of an i8042 is there.
///
/// Registers: offset 0 = port 0x60 (data, reads 0), offset 4 = port 0x64 (status and command). The status reads
/// 0: the input buffer (bit 1) is empty, so a driver that waits to write its command never waits.
public final class I8042: ByteRegisterDevice {
  private static let commandOffset: UInt64 = 4
  private static let pulseResetLine: UInt8 = 0xFE

  private let events: any MachineEvents

  public init(events: any MachineEvents) { self.events = events }

  public func readByte(offset: UInt64) -> UInt8 { 0 }

  public func writeByte(offset: UInt64, value: UInt8) {
    if offset == Self.commandOffset, value == Self.pulseResetLine { events.guestEvent(.reset) }
  }
}
