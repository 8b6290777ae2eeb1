/// A disk of the machine: a file on the host, seen by the guest as a virtio-blk device.
public struct Disk: Sendable, Equatable {
  /// How transfers are done.
  public enum Engine: String, Sendable, CaseIterable {
    /// One after another.
    case sync
    /// By io_uring(7), many at a time.
    case ioUring = "io_uring"
  }

  public let path: String
  public let readOnly: Bool
  /// What the guest reads as the disk's serial number: 1 to 20 printable ASCII characters, or nil.
  public let identifier: String?
  /// Whether transfers go around the host's page cache.
  public let isDirect: Bool
  /// Nil where the person does not care: see ``usesRing``.
  public let engine: Engine?
  /// Nil where nothing is limited.
  public let rateLimit: RateLimit?

  /// Throws a `Diagnostic` with status `usage` for a path or identifier that cannot be one.
  public init(
    path: String, readOnly: Bool = false, identifier: String? = nil, isDirect: Bool = false,
    engine: Engine? = nil, rateLimit: RateLimit? = nil
  ) throws(Diagnostic) {
    try Check.path(path, of: "disk")
    if let identifier {
      guard (1...Limits.diskIdentifierBytes).contains(identifier.utf8.count),
        identifier.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
      else {
        throw Diagnostic(
          .usage, "bad disk identifier", which: identifier,
          mend: "use 1 to \(Limits.diskIdentifierBytes) printable ASCII characters without spaces")
      }
    }
    self.path = path
    self.readOnly = readOnly
    self.identifier = identifier
    self.isDirect = isDirect
    self.engine = engine
    self.rateLimit = rateLimit
  }

  /// Whether transfers are to go by io_uring. Where nothing is said, those around the page cache do, which wait for the
  /// disk; those of the page cache are mostly copies, done sooner than they are handed over
  /// (docs/decisions/0006-block.md).
  public var usesRing: Bool { (engine ?? (isDirect ? .ioUring : .sync)) == .ioUring }
}
