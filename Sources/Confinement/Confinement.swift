public import LinuxSystem

/// The walls around the monitor: what its threads can still do to the host once a machine has been built.
///
/// Each thread goes behind them by itself with ``enter(_:)``, before the guest runs its first instruction; none comes out
/// again. docs/THREAT-MODEL.md says what they are for.
public final class Confinement: Sendable {
  private let needs: Needs
  /// Until all threads are restricted by it.
  private let landlock: Lock<(rules: SharedLandlock?, threads: Int)>
  private let identity: Privileges.Identity?
  private let jail: Jail?
  private let hasKeeper: Bool

  /// - Parameters:
  ///   - needs: of the machine's devices.
  ///   - folders: what devices reach by path later.
  ///   - identity: whom the process is to be; nil to stay as it is.
  ///   - jail: the root directory it is to have; nil for the host's.
  ///   - hasKeeper: whether the process ends with its parent.
  ///   - threads: how many there are to enter.
  public init(
    needs: Needs, folders: [Folder], identity: Privileges.Identity? = nil, jail: Jail? = nil,
    hasKeeper: Bool = false, threads: Int
  ) throws(SystemError) {
    self.needs = needs
    self.jail = jail
    self.hasKeeper = hasKeeper
    self.identity = identity
    landlock = Lock((try SharedLandlock(folders), threads))
    CallFilter.onTrap(BlockedCall.report)
  }

  /// What a process with one thread gives up once for those that it starts: 41 calls, and nothing that it needs before
  /// the rest goes.
  public static func prepareProcess() { Privileges.dropBoundingSet() }

  /// Confines the calling thread, of a process that was prepared.
  public func enter(_ thread: ThreadKind) throws(SystemError) {
    // For all threads at once: they have one root directory.
    if thread == .main { try jail?.enter() }
    try Privileges.refuseNewOnes()
    try takeLandlock()?.rules.restrictThread()
    if let identity { try Privileges.become(identity) }
    try Privileges.dropCapabilities()
    // After each thread's change of user, which makes the process's memory visible again, and forgets the other.
    try Privileges.hideMemory()
    if thread == .main, hasKeeper { try ForkedProcess.dieWithParent() }
    try CallFilter.install(
      FilterProgram.link(
        thread.parts(needs), thread: thread.number, process: UInt32(bitPattern: ProcessLimits.ownIdentifier)))
  }

  /// For a thread; the last one to be done with the rules closes them.
  private func takeLandlock() -> SharedLandlock? {
    landlock.withLock { landlock in
      landlock.threads -= 1
      defer { if landlock.threads == 0 { landlock.rules = nil } }
      return landlock.rules
    }
  }
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
        .readFiles, .readDirectories, .writeFiles, .truncate, .refer, .removeFiles, .removeDirectories,
        .makeFiles,
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
