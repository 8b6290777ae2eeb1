/// Watches a terminal's input for the keys that speak to the monitor: Ctrl-A x ends the machine, Ctrl-A a sends the
/// guest a Ctrl-A. Ctrl-A before any other key goes to the guest with it.
public struct ConsoleEscape: Sendable {
  private static let prefix: UInt8 = 0x01
  private var sawPrefix = false

  public init() {}

  /// The bytes of `input` that are for the guest, and whether the user wants to leave; what follows the wish is
  /// dropped.
  public mutating func filter(_ input: [UInt8]) -> (forGuest: [UInt8], leave: Bool) {
    var forGuest: [UInt8] = []
    for byte in input {
      guard sawPrefix else {
        if byte == Self.prefix { sawPrefix = true } else { forGuest.append(byte) }
        continue
      }
      sawPrefix = false
      switch byte {
      case UInt8(ascii: "x"): return (forGuest, true)
      case UInt8(ascii: "a"), Self.prefix: forGuest.append(Self.prefix)
      default: forGuest += [Self.prefix, byte]
      }
    }
    return (forGuest, false)
  }
}
