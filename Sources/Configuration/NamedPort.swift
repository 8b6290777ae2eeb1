/// A port of the guest's virtio console that programs of the guest open by name, and programs of the host through a Unix
/// socket.
public struct NamedPort: Sendable, Equatable {
  /// As the guest sees it: 1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or digit.
  public let name: String
  /// Where the host's Unix socket is made.
  public let path: String

  /// Throws a `Diagnostic` with status `usage` for a name or path that cannot be one.
  public init(name: String, path: String) throws(Diagnostic) {
    guard (1...Limits.portNameBytes).contains(name.utf8.count), name.utf8.allSatisfy(Self.isAllowed),
      let first = name.utf8.first, Self.isLetterOrDigit(first)
    else {
      throw Diagnostic(
        .usage, "bad port name", which: String(name.prefix(2 * Limits.portNameBytes)),
        mend:
          "use 1 to \(Limits.portNameBytes) letters, digits, dots, hyphens and underscores, a letter or digit first"
      )
    }
    try Check.path(path, of: "port")
    guard path.utf8.count <= Limits.unixPathBytes else {
      throw Diagnostic(
        .usage, "port path too long", which: path,
        mend: "use at most \(Limits.unixPathBytes) bytes, as from a folder nearer to the root")
    }
    self.name = name
    self.path = path
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    isLetterOrDigit(byte) || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_")].contains(byte)
  }
}
