/// One write-only byte register: each value written is a mark in the machine's boot timeline.
public final class BootTimer: ByteRegisterDevice {
  private let events: any MachineEvents

  public init(events: any MachineEvents) { self.events = events }

  public func readByte(offset: UInt64) -> UInt8 { 0 }

  public func writeByte(offset: UInt64, value: UInt8) { events.guestEvent(.bootMark(value)) }
}
