import CLinux
import Glibc

/// What a thread can still reach by path (landlock(7)): nothing, but for what it was given leave to beneath some
/// directories. Descriptors that are open stay as they are.
public struct Landlock: ~Copyable, Sendable {
  /// LANDLOCK_ACCESS_FS_*.
  public struct Access: OptionSet, Sendable {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let writeFiles = Access(rawValue: 1 << 1)
    public static let readFiles = Access(rawValue: 1 << 2)
    public static let readDirectories = Access(rawValue: 1 << 3)
    public static let removeDirectories = Access(rawValue: 1 << 4)
    public static let removeFiles = Access(rawValue: 1 << 5)
    public static let makeDirectories = Access(rawValue: 1 << 7)
    public static let makeFiles = Access(rawValue: 1 << 8)
    public static let makeSymbolicLinks = Access(rawValue: 1 << 12)
    /// To link and rename from one directory into another.
    public static let refer = Access(rawValue: 1 << 13)
    public static let truncate = Access(rawValue: 1 << 14)
  }

  private let ruleset: FileDescriptor
  private let handled: Access

  /// What the host's kernel has of it: 0 for nothing.
  public static var version: Int { max(0, clinux_landlock_version()) }

  /// - Returns: nil where the kernel has no Landlock.
  public init?() throws(SystemError) {
    let version = Landlock.version
    guard version > 0 else { return nil }
    var request = clinux_landlock_ruleset()
    // Every access that this version knows, so that what is not allowed below is denied.
    let bits = [13, 14, 15, 15, 16]
    request.files = (1 << UInt64(bits[min(version, bits.count) - 1])) - 1
    // Binding and connecting TCP sockets; sockets with abstract names. Not signals: before Linux 6.15 that would also
    // keep threads of one process from interrupting one another, and the filter of system calls sees to them.
    request.network = version >= 4 ? 3 : 0
    request.scope = version >= 6 ? 1 : 0
    let size = version >= 6 ? 24 : version >= 4 ? 16 : 8
    let raw = try checked(clinux_landlock_create(&request, size), "landlock_create_ruleset")
    ruleset = FileDescriptor(owning: Int32(raw))
    handled = Access(rawValue: request.files)
  }

  /// Leaves `access` to what is beneath `directory`.
  public func allow(_ access: Access, beneath directory: borrowing FileDescriptor) throws(SystemError) {
    let known = access.intersection(handled).rawValue
    _ = try checked(clinux_landlock_allow(ruleset.raw, directory.raw, known), "landlock_add_rule")
  }

  /// Restricts the calling thread, which must have refused new privileges.
  public func restrictThread() throws(SystemError) {
    _ = try checked(clinux_landlock_restrict(ruleset.raw), "landlock_restrict_self")
  }
}
