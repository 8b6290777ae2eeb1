import LinuxSystem

/// The MC146818 clock and the CMOS memory beside it, as far as kernels read them.
///
/// Registers: 0 index (port 0x70, bit 7 masks NMI and is ignored), 1 data (port 0x71). The time is the host's in
/// UTC; the guest cannot set it. Update-in-progress is never seen: reading the seconds (or register A) latches the
/// whole time, so a driver always reads fields that belong together.
public final class CMOSClock: ByteRegisterDevice {
  /// The index of each register.
  private enum Register {
    static let seconds: UInt8 = 0x00
    static let minutes: UInt8 = 0x02
    static let hours: UInt8 = 0x04
    static let weekday: UInt8 = 0x06
    static let day: UInt8 = 0x07
    static let month: UInt8 = 0x08
    static let year: UInt8 = 0x09
    static let statusA: UInt8 = 0x0A
    static let statusB: UInt8 = 0x0B
    static let statusC: UInt8 = 0x0C
    static let statusD: UInt8 = 0x0D
    static let century: UInt8 = 0x32
  }

  /// Bits of register B the guest may set; the interrupt enables are not among them, for there is no interrupt.
  private struct StatusB: OptionSet {
    let rawValue: UInt8
    static let hours24 = StatusB(rawValue: 0x02)
    static let binary = StatusB(rawValue: 0x04)
  }

  private struct State {
    var index: UInt8 = 0
    var latched = CalendarTime(secondsSinceEpoch: 0)
    var statusB: StatusB = .hours24
    var memory: [UInt8]
  }

  private let state: Lock<State>
  private let wallClock: @Sendable () -> Int64

  /// - Parameters:
  ///   - memorySize: Guest RAM in bytes, for the size registers firmware leaves in CMOS.
  ///   - wallClock: Seconds since 1970-01-01 00:00 UTC.
  public init(memorySize: UInt64, wallClock: @escaping @Sendable () -> Int64) {
    self.wallClock = wallClock
    state = Lock(State(memory: Self.memoryImage(memorySize: memorySize)))
  }

  public func readByte(offset: UInt64) -> UInt8 {
    let now = wallClock()
    return state.withLock { state in
      offset == 0 ? state.index : Self.readRegister(&state, now)
    }
  }

  public func writeByte(offset: UInt64, value: UInt8) {
    state.withLock { state in
      if offset == 0 {
        state.index = value & 0x7F
      } else if state.index == Register.statusB {
        state.statusB = StatusB(rawValue: value).intersection([.hours24, .binary])
      } else if !Self.isClock(state.index) {
        state.memory[Int(state.index)] = value
      }
    }
  }

  private static func isClock(_ index: UInt8) -> Bool {
    index <= Register.statusD || index == Register.century
  }

  private static func readRegister(_ state: inout State, _ now: Int64) -> UInt8 {
    if state.index == Register.seconds || state.index == Register.statusA {
      state.latched = CalendarTime(secondsSinceEpoch: now)
    }
    let time = state.latched
    switch state.index {
    case Register.seconds: return encode(time.second, state.statusB)
    case Register.minutes: return encode(time.minute, state.statusB)
    case Register.hours: return encodeHour(time.hour, state.statusB)
    case Register.weekday: return encode(time.weekday, state.statusB)
    case Register.day: return encode(time.day, state.statusB)
    case Register.month: return encode(time.month, state.statusB)
    case Register.year: return encode(time.year % 100, state.statusB)
    case Register.century: return encode(time.year / 100, state.statusB)
    case Register.statusA: return 0x26  // 32,768 Hz time base, 1,024 Hz rate, no update in progress
    case Register.statusB: return state.statusB.rawValue
    case Register.statusC: return 0  // no interrupt pending
    case Register.statusD: return 0x80  // the clock and its memory are valid
    default: return state.memory[Int(state.index)]
    }
  }

  private static func encode(_ value: Int, _ mode: StatusB) -> UInt8 {
    UInt8(truncatingIfNeeded: mode.contains(.binary) ? value : value / 10 * 16 + value % 10)
  }

  private static func encodeHour(_ hour: Int, _ mode: StatusB) -> UInt8 {
    if mode.contains(.hours24) { return encode(hour, mode) }
    let onDial = hour % 12 == 0 ? 12 : hour % 12
    return encode(onDial, mode) | (hour >= 12 ? 0x80 : 0)
  }

  /// The 128 bytes of CMOS as firmware would leave them: sizes of memory below 640 KiB, below 64 MiB, below 4 GiB.
  private static func memoryImage(memorySize: UInt64) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 128)
    func put(_ value: UInt64, at index: Int) {
      bytes[index] = UInt8(truncatingIfNeeded: value)
      bytes[index + 1] = UInt8(truncatingIfNeeded: value >> 8)
    }
    let mebibyte: UInt64 = 1 << 20
    let low = min(memorySize, 3 << 30)
    let aboveOne = min((low - min(low, mebibyte)) >> 10, 0xFFFF)
    put(640, at: 0x15)
    put(aboveOne, at: 0x17)
    put(aboveOne, at: 0x30)
    put(min((low - min(low, 16 * mebibyte)) >> 16, 0xFFFF), at: 0x34)
    return bytes
  }
}
