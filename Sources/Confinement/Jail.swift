public import Configuration
public import LinuxSystem

/// The root directory of a monitor in namespaces of its own: nothing is there but the folders of shares and sockets, at
/// their places.
public final class Jail: Sendable {
  /// Where the root is made. The monitor needs nothing there, and in its own namespace nobody else sees it.
  private static let root = "/sys"

  /// - Parameter folders: what devices name by path.
  /// - Throws: what the host refuses.
  public init(_ folders: [Confinement.Folder]) throws(Diagnostic) {
    for folder in folders where folder.use == .removingSockets {
      guard (try? Folders.resolved(folder.path)) != "/" else {
        throw Diagnostic(
          .usage, "a jail would show all of the host", which: "a socket in /",
          mend: "give the socket a folder of its own")
      }
    }
    do throws(SystemError) {
      try Mounts.separate()
      // Before they can be hidden by the root.
      var places: [String: Confinement.Folder.Use] = [:]
      for folder in folders {
        let path = try Folders.resolved(folder.path)
        if places[path] != .writing, places[path] != .removingSockets { places[path] = folder.use }
      }
      try Mounts.cover(Self.root)
      // What contains others first.
      for (path, use) in places.sorted(by: { $0.key < $1.key }) {
        try Folders.make(Self.root + path)
        try Mounts.show(path, at: Self.root + path)
        try Mounts.restrict(
          Self.root + path, use == .reading ? [.readOnly, Self.always] : Self.always, all: true)
      }
    } catch { throw Self.refusal(error) }
  }

  private static let always: Mounts.Restrictions = [.noSetUserID, .noDevices, .noPrograms]

  /// Where a folder is seen from outside the new root: what is opened there does not lead out of it.
  public func path(ofFolder path: String) -> String {
    (try? Folders.resolved(path)).map { Self.root + $0 } ?? path
  }

  /// A path to the same socket that is right before and after ``enter()``.
  public func path(ofSocket path: String) -> String {
    let folder = FileDescriptor.folder(of: path)
    guard let resolved = try? Folders.resolved(folder), let name = path.split(separator: "/").last else {
      return path
    }
    return (resolved == "/" ? "" : resolved) + "/" + name
  }

  /// Makes it the root of the process; the old one is gone for all its threads.
  func enter() throws(SystemError) {
    try Mounts.enterRoot(Self.root)
    try Mounts.restrict("/", [.readOnly, Self.always], all: false)
  }

  /// What a person is told where the host does not allow a jail.
  public static func refusal(_ error: SystemError) -> Diagnostic {
    Diagnostic(
      .hostResource, "cannot make the jail", which: "\(error)",
      mend: "`swiftlet doctor` says whether the host has user namespaces; leave --jail out")
  }
}
