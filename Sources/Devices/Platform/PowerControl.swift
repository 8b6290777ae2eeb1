/// The ACPI sleep registers of a hardware-reduced platform (ACPI 6.5, 4.8.3.7) and the workload's exit status.
///
/// Registers: 0 sleep control (SLP_EN 0x20, SLP_TYP in bits 2 to 4; S5 is type 5, so 0x34 powers off),
/// 1 sleep status (reads 0), 2 workload status.
public final class PowerControl: ByteRegisterDevice {
  /// SLP_TYP of S5, what the machine's ACPI tables must say.
  public static let softOffType: UInt8 = 5
  private static let sleepEnable: UInt8 = 0x20

  private let events: any MachineEvents

  public init(events: any MachineEvents) { self.events = events }

  public func readByte(offset: UInt64) -> UInt8 { 0 }

  public func writeByte(offset: UInt64, value: UInt8) {
    switch offset {
    case 0:
      let type = value >> 2 & 7
      if value & Self.sleepEnable != 0, type == Self.softOffType { events.guestEvent(.powerOff) }
    case 2:
      events.guestEvent(.workloadStatus(value))
    default:
      break
    }
  }
}
