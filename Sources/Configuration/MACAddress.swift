/// The address of a network card: of one station, not of a group, and not zero.
public struct MACAddress: Sendable, Hashable {
  /// Six of them.
  public let bytes: [UInt8]

  /// Throws a `Diagnostic` with status `usage` for what cannot be a card's address.
  public init(_ bytes: [UInt8]) throws(Diagnostic) {
    self.bytes = bytes
    guard bytes.count == 6 else {
      throw Diagnostic(.usage, "bad MAC address", which: "\(bytes.count) bytes", mend: "use six")
    }
    guard bytes[0] & 1 == 0, bytes.contains(where: { $0 != 0 }) else {
      throw Diagnostic(
        .usage, "MAC address that no card can have", which: "\(self)",
        mend: "make its first number even, as in 02:00:00:00:00:01")
    }
  }

  /// The address that `text`, six numbers of two hexadecimal digits with colons between them, stands for.
  public init(_ text: String) throws(Diagnostic) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let bytes = parts.compactMap { part in
      part.utf8.count == 2 && part.first != "+" ? UInt8(part, radix: 16) : nil
    }
    guard parts.count == 6, bytes.count == 6 else {
      throw Diagnostic(.usage, "bad MAC address", which: text, mend: "write it like 02:00:00:00:00:01")
    }
    try self.init(bytes)
  }

  /// A locally administered address that is the same whenever `name` is, and most likely no other's.
  public init(derivedFrom name: String) {
    // FNV-1a, 64 bits.
    let hash = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    let folded = hash ^ hash >> 48
    var bytes = (0..<6).map { UInt8(truncatingIfNeeded: folded >> UInt64(8 * $0)) }
    bytes[0] = bytes[0] & 0xFC | 2
    self.bytes = bytes
  }
}

extension MACAddress: CustomStringConvertible {
  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}
