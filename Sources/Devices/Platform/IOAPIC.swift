import LinuxSystem

/// The I/O APIC (Intel 82093AA, with the EOI register of version 0x20): 24 pins that become messages to the local
/// APICs.
///
/// Pins are edges: one `trigger` delivers once, also where the guest has programmed level. An edge at a masked pin is
/// kept and delivered when the pin is unmasked. Registers: 0x00 index, 0x10 data, 0x40 EOI; 32 bits wide.
public final class IOAPIC: BusDevice {
  /// The number of pins.
  public static let pinCount = 24
  /// Bytes of address space.
  public static let size: UInt64 = 0x1000

  private struct State {
    var index: UInt8 = 0
    var identity: UInt32 = 0
    var entries = [RedirectionEntry](repeating: RedirectionEntry(), count: pinCount)
    /// Bit n: pin n saw an edge while masked.
    var pending: UInt32 = 0
  }

  private let state = Lock(State())
  private let sink: any MessageInterruptSink
  private let events: any MachineEvents

  public init(sink: any MessageInterruptSink, events: any MachineEvents) {
    self.sink = sink
    self.events = events
  }

  /// The input of pin `pin`, or nil if there is no such pin.
  public func line(_ pin: Int) -> (any InterruptLine)? {
    guard 0..<Self.pinCount ~= pin else { return nil }
    return Pin(controller: self, number: pin)
  }

  private struct Pin: InterruptLine {
    let controller: IOAPIC
    let number: Int

    func trigger() { controller.trigger(number) }
  }

  private func trigger(_ pin: Int) {
    let message: (address: UInt64, data: UInt32)? = state.withLock { state in
      guard !state.entries[pin].isMasked else {
        state.pending |= 1 << UInt32(pin)
        return nil
      }
      return state.entries[pin].message
    }
    if let message { sink.signal(address: message.address, data: message.data) }
  }

  public func read(offset: UInt64, width: AccessWidth) -> UInt64 {
    guard width == .double else { return width.mask }
    return state.withLock { state in
      switch offset {
      case 0x00: UInt64(state.index)
      case 0x10: UInt64(Self.readRegister(state))
      default: 0
      }
    }
  }

  public func write(offset: UInt64, width: AccessWidth, value: UInt64) {
    let value = UInt32(truncatingIfNeeded: value)
    guard width == .double else { return }
    switch offset {
    case 0x00: state.withLock { $0.index = UInt8(truncatingIfNeeded: value) }
    case 0x10: writeData(value)
    default: break  // EOI (0x40): no pin keeps a remote IRR bit that it would have to clear
    }
  }

  /// Index 0 identity, 1 version, 2 arbitration, 0x10 + 2n and 0x11 + 2n the halves of pin n's entry.
  private static func readRegister(_ state: State) -> UInt32 {
    switch state.index {
    case 0, 2: return state.identity
    case 1: return UInt32(pinCount - 1) << 16 | 0x20
    default:
      guard let (pin, high) = entryHalf(state.index) else { return 0 }
      return UInt32(truncatingIfNeeded: state.entries[pin].rawValue >> (high ? 32 : 0))
    }
  }

  private func writeData(_ value: UInt32) {
    var message: (address: UInt64, data: UInt32)?
    let allMasked = state.withLock { state in
      if state.index == 0 { state.identity = value & 0x0F00_0000 }
      guard let (pin, high) = Self.entryHalf(state.index) else { return false }
      state.entries[pin].setHalf(high: high, value)
      let bit: UInt32 = 1 << UInt32(pin)
      if !state.entries[pin].isMasked, state.pending & bit != 0 {
        state.pending &= ~bit
        message = state.entries[pin].message
      }
      return !high && state.entries.allSatisfy(\.isMasked)
    }
    if let message { sink.signal(address: message.address, data: message.data) }
    if allMasked { events.guestEvent(.interruptControllerMasked) }
  }

  private static func entryHalf(_ index: UInt8) -> (pin: Int, high: Bool)? {
    guard index >= 0x10, index < 0x10 + 2 * UInt8(pinCount) else { return nil }
    return (Int(index - 0x10) / 2, index & 1 == 1)
  }
}

/// One entry of the redirection table.
struct RedirectionEntry {
  private static let masked: UInt64 = 1 << 16
  /// Delivery status and remote IRR, which the guest cannot write and which are never set here.
  private static let readOnly: UInt64 = 1 << 12 | 1 << 14

  private(set) var rawValue: UInt64 = masked

  var isMasked: Bool { rawValue & Self.masked != 0 }

  mutating func setHalf(high: Bool, _ value: UInt32) {
    let half = UInt64(value)
    rawValue = high ? rawValue & 0xFFFF_FFFF | half << 32 : rawValue & ~0xFFFF_FFFF | half & ~Self.readOnly
  }

  /// The message a message-signalled interrupt would carry for this entry (Intel SDM volume 3, 11.11).
  var message: (address: UInt64, data: UInt32) {
    let destination = rawValue >> 56
    let logical = rawValue >> 11 & 1
    let levelTriggered = UInt32(truncatingIfNeeded: rawValue >> 15 & 1)
    let vectorAndMode = UInt32(truncatingIfNeeded: rawValue & 0x7FF)
    return (
      0xFEE0_0000 | destination << 12 | logical << 2,
      vectorAndMode | levelTriggered << 15 | levelTriggered << 14
    )
  }
}
