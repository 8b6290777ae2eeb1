import Platform

/// The IOAPIC and the processor's own LAPIC, set up so that a window's interrupt counts at vector 0x40.
enum Interrupts {
  private static let ioapic: UInt64 = 0xfec0_0000
  private static let lapic: UInt64 = 0xfee0_0000
  private static let vector: UInt32 = 0x40

  /// The interrupt line of window `window`.
  static func line(ofWindow window: UInt64) -> UInt32 {
    switch window {
    case 0..<3: UInt32(window) + 5
    default: UInt32(window) + 7
    }
  }

  /// Routes one line: edge triggered, active high, to this processor.
  static func route(_ line: UInt32) {
    store32(lapic + 0x80, 0)  // task priority
    store32(lapic + 0xf0, 0x100 | vector)  // software enable; spurious vector
    let identifier = load32(lapic + 0x20) & 0xff00_0000
    writeEntry(line, 1, identifier)
    writeEntry(line, 0, vector)
  }

  static func mask(_ line: UInt32) { writeEntry(line, 0, 1 << 16) }

  private static func writeEntry(_ line: UInt32, _ half: UInt32, _ value: UInt32) {
    store32(ioapic, 0x10 + 2 * line + half)
    store32(ioapic + 0x10, value)
  }
}
