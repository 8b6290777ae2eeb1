public import Devices
import Glibc
public import LinuxSystem

/// A directory of the host that a guest works in, and cannot leave.
///
/// Every step of a path is one name below a directory's descriptor, opened by openat2(2) so that no symbolic link is
/// followed, `..` is not possible and other mounts are not entered. Symbolic links are given to the guest as text. Only
/// regular files and directories are ever opened.
public final class SharedDirectory: SharedFolder {
  /// What a guest may take up in the monitor.
  public struct Limits: Sendable {
    /// Nodes the guest knows at a time; about 300 bytes each.
    public var nodes = 1 << 17
    /// Descriptors that name files.
    public var descriptors: Int
    /// Files and directories open at a time.
    public var handles: Int

    /// - Parameter descriptors: of the process, for the folder to share out.
    public init(descriptors: Int) {
      self.descriptors = max(descriptors / 2, 8)
      handles = max(descriptors / 2, 8)
    }
  }

  /// Permissions a guest may set: no set-uid or set-gid, by which the host's users could get rights of others.
  static let settableMode: UInt32 = 0o1777

  public let isReadOnly: Bool
  let nodes: FolderNodes
  var handles: FolderHandles
  let wallClock: () -> Int64

  /// - Parameters:
  ///   - path: a directory; symbolic links in the path are followed.
  ///   - now: nanoseconds of a clock that never goes back.
  ///   - wallClock: seconds since 1970.
  public init(
    path: String, isReadOnly: Bool, limits: Limits, now: @escaping () -> UInt64 = Clock.monotonicNanoseconds,
    wallClock: @escaping () -> Int64 = Clock.realTimeSeconds
  ) throws(SystemError) {
    let root = try FileDescriptor(opening: path, FileDescriptor.pathOnly | O_DIRECTORY)
    // Whether it can be read is to be known now.
    _ = try root.reopenDirectory()
    nodes = try FolderNodes(
      root: root, nodeLimit: limits.nodes, descriptorLimit: limits.descriptors, now: now)
    handles = FolderHandles(limit: limits.handles)
    self.isReadOnly = isReadOnly
    self.wallClock = wallClock
  }

  /// Files and directories the guest has open.
  var handleCount: Int { handles.count }

  public func beginSession() {
    handles.removeAll()
    nodes.removeAll()
  }

  func checkWritable() throws(FuseError) {
    if isReadOnly { throw .readOnly }
  }

  // MARK: Nodes

  public func lookUp(_ name: FileName, in parent: FuseNode) throws(FuseError) -> FuseEntry {
    let directory = try nodes.directory(parent)
    return try entry(name, in: directory, nodes.file(directory))
  }

  /// Finds a file, and the node for it.
  func entry(
    _ name: FileName, in parent: FolderNode, _ directory: NamedFile
  ) throws(FuseError) -> FuseEntry {
    let file = try host { () throws(SystemError) in
      try directory.file.open(beneath: name, FileDescriptor.pathOnly)
    }
    let details = try host { () throws(SystemError) in try file.details() }
    let node = try nodes.found(name, in: parent, details, file)
    return FuseEntry(node: FuseNode(number: node.number), details: details)
  }

  public func forget(_ node: FuseNode, count: UInt64) { nodes.forget(node, count: count) }

  public func details(of node: FuseNode) throws(FuseError) -> FileDetails {
    let file = try nodes.file(nodes.node(node))
    return try host { () throws(SystemError) in try file.file.details() }
  }

  public func linkTarget(of node: FuseNode) throws(FuseError) -> [UInt8] {
    let node = try nodes.node(node)
    guard node.isSymbolicLink else { throw .invalid }
    let file = try nodes.file(node)
    return try host { () throws(SystemError) in try file.file.linkTarget() }
  }

  public func fileSystemStatus() throws(FuseError) -> FileSystemStatus {
    let file = try nodes.file(nodes.root)
    return try host { () throws(SystemError) in try file.file.fileSystemStatus() }
  }

  public func change(_ number: FuseNode, _ change: FuseChange) throws(FuseError) -> FileDetails {
    try checkWritable()
    let node = try nodes.node(number)
    let file = try nodes.file(node)
    let before = try host { () throws(SystemError) in try file.file.details() }
    // Whose a file is stays the host's to say.
    guard change.owner ?? before.owner == before.owner, change.group ?? before.group == before.group else {
      throw .notPermitted
    }
    if let mode = change.mode {
      let opened = try openToChange(node)
      try host { () throws(SystemError) in try opened.file.setMode(mode & Self.settableMode) }
    }
    if let size = change.size {
      let opened = try writableFile(node, change.handle)
      try host { () throws(SystemError) in try opened.file.setLength(size) }
    }
    if change.accessed != .unchanged || change.modified != .unchanged {
      try host { () throws(SystemError) in
        try file.file.setTimes(accessed: change.accessed, modified: change.modified)
      }
    }
    return try host { () throws(SystemError) in try file.file.details() }
  }

  /// For what cannot be done by name: the file open in any way.
  private func openToChange(_ node: FolderNode) throws(FuseError) -> NamedFile {
    do throws(FuseError) { return try openFile(node, O_RDONLY) } catch {
      guard node.isRegular, error == FuseError(systemCode: EACCES) else { throw error }
      return try openFile(node, O_WRONLY)
    }
  }

  private func writableFile(_ node: FolderNode, _ handle: FuseHandle?) throws(FuseError) -> NamedFile {
    guard let handle else {
      guard node.isRegular else { throw node.isDirectory ? .isADirectory : .invalid }
      return try openFile(node, O_WRONLY)
    }
    return try handles.file(handle, of: FuseNode(number: node.number), toWrite: true)
  }

  // MARK: Entries of directories

  public func make(
    _ entry: FuseNewEntry, _ name: FileName, in parent: FuseNode
  ) throws(FuseError) -> FuseEntry {
    try checkWritable()
    let node = try nodes.directory(parent)
    let directory = try nodes.file(node)
    guard nodes.hasRoom else { throw .tooManyFiles }
    try host { () throws(SystemError) in
      switch entry {
      case .file(let mode):
        _ = try newFile(name, in: directory, O_RDONLY, mode)
      case .directory(let mode):
        try directory.file.makeDirectory(name, mode: mode & Self.settableMode)
      case .symbolicLink(let target): try directory.file.makeSymbolicLink(name, to: target)
      }
    }
    return try self.entry(name, in: node, directory)
  }

  public func link(
    _ number: FuseNode, _ name: FileName, in parent: FuseNode
  ) throws(FuseError) -> FuseEntry {
    try checkWritable()
    let node = try nodes.node(number)
    guard !node.isDirectory else { throw .notPermitted }
    let newParent = try nodes.directory(parent)
    let directory = try nodes.file(newParent)
    // By name, which takes no privilege; so the name must still be that of the file.
    let (oldDirectory, oldName) = try place(node)
    try host { () throws(SystemError) in
      try oldDirectory.file.link(oldName, to: name, in: directory.file)
    }
    return try entry(name, in: newParent, directory)
  }

  /// The directory and name by which a node is reached now.
  func place(_ node: FolderNode) throws(FuseError) -> (NamedFile, FileName) {
    guard let parent = node.parent, let name = node.name else { throw .stale }
    let directory = try nodes.file(parent)
    let found = try host { () throws(SystemError) in
      try directory.file.open(beneath: name, FileDescriptor.pathOnly).details()
    }
    guard found.identity == node.identity else { throw .stale }
    return (directory, name)
  }

  public func remove(_ name: FileName, in parent: FuseNode, isDirectory: Bool) throws(FuseError) {
    try checkWritable()
    let directory = try nodes.file(nodes.directory(parent))
    try host { () throws(SystemError) in try directory.file.remove(name, isDirectory: isDirectory) }
  }

  public func rename(
    _ name: FileName, in parent: FuseNode, to newName: FileName, in newParent: FuseNode, flags: UInt32
  ) throws(FuseError) {
    try checkWritable()
    let (from, to) = (try nodes.directory(parent), try nodes.directory(newParent))
    let (source, target) = (try nodes.file(from), try nodes.file(to))
    try host { () throws(SystemError) in
      try source.file.rename(name, to: newName, in: target.file, flags: flags)
    }
    noteMoved(newName, in: to, target)
    if flags == renameExchange { noteMoved(name, in: from, source) }
  }

  private func noteMoved(_ name: FileName, in parent: FolderNode, _ directory: NamedFile) {
    guard let file = try? directory.file.open(beneath: name, FileDescriptor.pathOnly),
      let details = try? file.details(), let node = nodes.known(details.identity)
    else { return }
    nodes.moved(node, to: name, in: parent)
  }
}

private let renameExchange: UInt32 = 2

/// What the host refuses, as the guest is told.
func host<Result: ~Copyable>(
  _ body: () throws(SystemError) -> Result
) throws(FuseError) -> Result {
  do throws(SystemError) { return try body() } catch { throw FuseError(systemCode: error.code) }
}
