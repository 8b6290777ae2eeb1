import Platform

/// The 16550 at 0x3f8. Its emulation never makes a writer wait, so its line status is not asked.
enum Serial {
  private static var transmit: UInt16 { 0x3f8 }

  @inline(__always)
  static func write(_ text: StaticString) {
    out8_all(transmit, text.utf8Start, UInt64(text.utf8CodeUnitCount))
  }

  static func write(byte: UInt8) { out8(transmit, byte) }

  static func write(decimal value: UInt64) {
    var divisor: UInt64 = 1
    while value / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      write(byte: 0x30 &+ UInt8(truncatingIfNeeded: value / divisor % 10))
      divisor /= 10
    }
  }

  static func write(hex value: UInt64) {
    write("0x")
    var shift: UInt64 = 60
    while shift > 0, value >> shift == 0 { shift -= 4 }
    while true {
      let digit = UInt8(truncatingIfNeeded: value >> shift & 0xf)
      write(byte: digit < 10 ? 0x30 &+ digit : 0x57 &+ digit)
      if shift == 0 { return }
      shift -= 4
    }
  }
}
