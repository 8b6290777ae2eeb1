import Boot
import Configuration
import GuestMemory

/// Tells a reset by which Linux ended a panic from one that was asked for, without a device for it.
///
/// Linux leaves at 0x472 what kind of start it wants of the firmware: 0x1234 is a warm one. With `reboot=panic_warm` on
/// its command line (Documentation/admin-guide/kernel-parameters.txt) that is what it wants after a panic, and 0 stays
/// there otherwise. Not possible where the person gives `reboot=` a meaning of their own.
struct PanicMark {
  /// What to add to the kernel's command line.
  static let argument = "reboot=panic_warm"
  private static let place = GuestAddress(0x472)
  private static let warmStart: UInt16 = 0x1234

  /// - Parameter commandLine: as the person wants it.
  /// - Returns: nil where the kernel's resets are the person's business.
  init?(commandLine: String) {
    let words = commandLine.split(separator: " ").prefix { $0 != "--" }
    if words.contains(where: { $0.hasPrefix("reboot=") }) { return nil }
  }

  /// Why the machine ended, with a reset after a panic called so.
  func explain(_ outcome: Outcome, memory: GuestMemory) -> Outcome {
    guard outcome.status == .guestReset else { return outcome }
    let mark = try? memory.load(UInt16.self, at: PanicMark.place)
    return mark == PanicMark.warmStart ? Outcome(.guestPanic) : outcome
  }
}
