public import LinuxSystem

/// The walls around the monitor: what its threads can still do to the host once a machine has been built.
///
/// Each thread goes behind them by itself with ``enter(_:)``, before the guest runs its first instruction; none comes out
/// again. docs/THREAT-MODEL.md says what they are for.
public final class Confinement: Sendable {
  private let needs: Needs
  private let landlock: SharedLandlock?
  private let identity: Privileges.Identity?

  /// - Parameters:
  ///   - needs: of the machine's devices.
  ///   - folders: what devices reach by path later.
  ///   - identity: whom the process is to be; nil to stay as it is.
  public init(
    needs: Needs, folders: [Folder], identity: Privileges.Identity? = nil
  ) throws(SystemError) {
    self.needs = needs
    self.identity = identity
    landlock = try SharedLandlock(folders)
    CallFilter.onTrap(BlockedCall.report)
  }

  /// Confines the calling thread.
  public func enter(_ thread: ThreadKind) throws(SystemError) {
    try Privileges.refuseNewOnes()
    if let landlock { try landlock.rules.restrictThread() }
    if let identity { try Privileges.become(identity) }
    try Privileges.dropCapabilities()
    // After the change of user, which brings it back.
    if thread == .main { try Privileges.hideMemory() }
    try CallFilter.install(
      FilterProgram.link(
        thread.parts(needs), thread: thread.number, process: UInt32(bitPattern: ProcessLimits.ownIdentifier)))
  }

  /// Whether the host's kernel limits paths too.
  public var limitsPaths: Bool { landlock != nil }
}

extension Confinement {
  /// A directory in which a device names files later.
  public struct Folder: Sendable, Equatable {
    public enum Use: Sendable { case reading, writing, removingSockets }
    public let path: String
    public let use: Use

    public init(_ path: String, _ use: Use) {
      self.path = path
      self.use = use
    }
  }
}

extension Confinement.Folder.Use {
  var access: Landlock.Access {
    switch self {
    case .reading: [.readFiles, .readDirectories]
    case .writing:
      [
        .readFiles, .readDirectories, .writeFiles, .truncate, .refer, .removeFiles, .removeDirectories, .makeFiles,
        .makeDirectories, .makeSymbolicLinks,
      ]
    case .removingSockets: .removeFiles
    }
  }
}

/// The rules in a class, so that threads can share their one owner.
private final class SharedLandlock: Sendable {
  let rules: Landlock

  init?(_ folders: [Confinement.Folder]) throws(SystemError) {
    guard let rules = try Landlock() else { return nil }
    for folder in folders {
      try rules.allow(folder.use.access, beneath: FileDescriptor(namingDirectory: folder.path))
    }
    self.rules = rules
  }
}
