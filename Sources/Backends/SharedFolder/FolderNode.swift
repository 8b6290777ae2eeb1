import Devices
import Glibc
import LinuxSystem

/// A file the guest's kernel knows: what it is, and where it was seen last.
///
/// Its descriptor names it without opening it (O_PATH). It is kept for as long as there are not too many, and made again
/// from the directory above and the name; the file found there must be the same.
final class FolderNode {
  let number: UInt64
  let identity: FileDetails.Identity
  let isDirectory: Bool
  let isRegular: Bool
  let isSymbolicLink: Bool
  /// The directory it was seen in; nil for the shared directory itself.
  fileprivate(set) var parent: FolderNode?
  fileprivate(set) var name: FileName?
  /// How often the guest was told of it and has not forgotten it.
  fileprivate(set) var lookUps: UInt64 = 0
  /// Nodes that have this one as their ``parent``.
  fileprivate var children = 0
  /// Open handles: while there are any, its descriptor stays.
  var openCount = 0
  /// When the guest last opened it: the time of its last change, once that has been long enough ago that the next one
  /// must have another time.
  var cachedChange: FileDetails.Time?

  fileprivate var descriptor: NamedFile?
  /// When the descriptor was last seen to be where the node is, in nanoseconds.
  fileprivate var checkedAt: UInt64 = 0
  fileprivate var wasUsed = false

  fileprivate init(number: UInt64, _ details: FileDetails) {
    self.number = number
    identity = details.identity
    isDirectory = details.isDirectory
    isRegular = details.isRegular
    isSymbolicLink = details.isSymbolicLink
  }
}

/// A descriptor that lives as long as someone uses it, even where its node has given it up meanwhile.
final class NamedFile {
  let file: FileDescriptor
  init(_ file: consuming FileDescriptor) { self.file = file }
}

/// The nodes of one shared directory, and their descriptors.
final class FolderNodes {
  /// Nanoseconds for which a file is taken to be where it was seen: what the host moves out of the shared directory is
  /// lost to the guest after that, but for files it has open.
  static let trustTime: UInt64 = 1_000_000_000
  /// Directories above one another that are gone through to find a file again.
  static let depthLimit = 1024

  let root: FolderNode
  private let rootFile: NamedFile
  private let nodeLimit: Int
  private let descriptorLimit: Int
  private let now: () -> UInt64
  private var nodes: [UInt64: FolderNode] = [:]
  private var numbers: [FileDetails.Identity: UInt64] = [:]
  private var nextNumber = FuseNode.root.number + 1
  /// Those that have a descriptor, and where the search for one to give up goes on.
  private var open: [FolderNode] = []
  private var hand = 0

  init(
    root file: consuming FileDescriptor, nodeLimit: Int, descriptorLimit: Int, now: @escaping () -> UInt64
  ) throws(SystemError) {
    root = FolderNode(number: FuseNode.root.number, try file.details())
    rootFile = NamedFile(file)
    self.nodeLimit = nodeLimit
    self.descriptorLimit = descriptorLimit
    self.now = now
    removeAll()
  }

  deinit { removeAll() }

  /// Nodes the guest knows, and those above them.
  var count: Int { nodes.count }
  /// Descriptors kept.
  var descriptorCount: Int { open.count }

  func removeAll() {
    for node in nodes.values {
      // No chain of parents is left to be released one within the other.
      (node.parent, node.descriptor) = (nil, nil)
      (node.lookUps, node.children, node.openCount) = (0, 0, 0)
    }
    open = []
    nodes = [root.number: root]
    numbers = [root.identity: root.number]
    root.cachedChange = nil
  }

  /// The node of a number the guest gave.
  func node(_ number: FuseNode) throws(FuseError) -> FolderNode {
    guard let node = nodes[number.number], node === root || node.lookUps > 0 else { throw .stale }
    return node
  }

  func directory(_ number: FuseNode) throws(FuseError) -> FolderNode {
    let node = try node(number)
    guard node.isDirectory else { throw .notADirectory }
    return node
  }

  // MARK: Coming and going

  /// Whether the guest may be told of one more node.
  var hasRoom: Bool { nodes.count < nodeLimit }

  /// The node of a file that was found in `parent`, which the guest is now told of once more.
  func found(
    _ name: FileName, in parent: FolderNode, _ details: FileDetails, _ file: consuming FileDescriptor
  ) throws(FuseError) -> FolderNode {
    let node: FolderNode
    if let number = numbers[details.identity], let known = nodes[number] {
      node = known
      if known !== root { place(known, in: parent, name) }
    } else {
      guard hasRoom else { throw .tooManyFiles }
      node = FolderNode(number: nextNumber, details)
      nextNumber += 1
      nodes[node.number] = node
      numbers[node.identity] = node.number
      place(node, in: parent, name)
    }
    node.lookUps += node.lookUps == .max ? 0 : 1
    if node !== root, node.descriptor == nil { keep(NamedFile(file), for: node) }
    return node
  }

  /// Notes where the node was seen; not where that would make a ring: what is noted of a directory that the host has
  /// moved may be old, until the guest looks it up again.
  private func place(_ node: FolderNode, in parent: FolderNode, _ name: FileName) {
    node.checkedAt = now()
    if node.parent === parent {
      node.name = name
      return
    }
    var above: FolderNode? = parent
    for _ in 0..<Self.depthLimit where above != nil {
      if above === node { return }
      above = above?.parent
    }
    guard above == nil else { return }
    let old = node.parent
    node.parent = parent
    node.name = name
    parent.children += 1
    if let old { release(old) }
  }

  func forget(_ number: FuseNode, count: UInt64) {
    guard let node = nodes[number.number], node !== root else { return }
    node.lookUps -= min(count, node.lookUps)
    removeUnused(node)
  }

  private func release(_ parent: FolderNode) {
    parent.children -= 1
    removeUnused(parent)
  }

  /// Removes a node that nobody knows and nobody is below, then the one above likewise.
  private func removeUnused(_ start: FolderNode) {
    var next: FolderNode? = start
    while let node = next, node !== root, node.lookUps == 0, node.children == 0, node.openCount == 0 {
      nodes[node.number] = nil
      if numbers[node.identity] == node.number { numbers[node.identity] = nil }
      drop(node)
      next = node.parent
      next?.children -= 1
      node.parent = nil
    }
  }

  func opened(_ node: FolderNode) { node.openCount += 1 }

  func closed(_ node: FolderNode) {
    node.openCount -= 1
    removeUnused(node)
  }

  /// The guest has given an entry another place.
  func moved(_ node: FolderNode, to name: FileName, in parent: FolderNode) {
    if node !== root { place(node, in: parent, name) }
  }

  /// The node of a file, where the guest knows it.
  func known(_ identity: FileDetails.Identity) -> FolderNode? { numbers[identity].flatMap { nodes[$0] } }

  // MARK: Descriptors

  /// The file itself, checked within the last ``trustTime`` to be where it was.
  func file(_ node: FolderNode) throws(FuseError) -> NamedFile {
    let time = now()
    // From the node up, as far as descriptors cannot be trusted; then down again.
    var path: [FolderNode] = []
    var next = node
    var found: NamedFile?
    while found == nil {
      if let file = trusted(next, time) {
        found = file
      } else {
        guard let parent = next.parent, path.count < Self.depthLimit else { throw .stale }
        path.append(next)
        next = parent
      }
    }
    guard var file = found else { throw .stale }
    for below in path.reversed() { file = try find(below, in: file, time) }
    return file
  }

  private func trusted(_ node: FolderNode, _ time: UInt64) -> NamedFile? {
    if node === root { return rootFile }
    guard let file = node.descriptor else { return nil }
    // A file that is open stays what it is, deleted or moved.
    guard time &- node.checkedAt < Self.trustTime || (node.openCount > 0 && !node.isDirectory) else {
      return nil
    }
    node.wasUsed = true
    return file
  }

  /// Looks for the node where it was seen last.
  private func find(_ node: FolderNode, in directory: NamedFile, _ time: UInt64) throws(FuseError)
    -> NamedFile
  {
    guard let name = node.name else { throw .stale }
    do throws(SystemError) {
      let found = try directory.file.open(beneath: name, FileDescriptor.pathOnly)
      guard try found.details().identity == node.identity else { throw SystemError(call: "", code: ESTALE) }
      let file = NamedFile(found)
      node.checkedAt = time
      keep(file, for: node)
      return file
    } catch {
      drop(node)
      // Whatever became of the name: the file is not there.
      throw [ENOENT, ENOTDIR, ELOOP].contains(error.code)
        ? .stale : FuseError(systemCode: error.code)
    }
  }

  private func keep(_ file: NamedFile, for node: FolderNode) {
    node.wasUsed = true
    if node.descriptor == nil {
      makeRoom()
      open.append(node)
    }
    node.descriptor = file
  }

  private func drop(_ node: FolderNode) {
    guard node.descriptor != nil, node.openCount == 0 else { return }
    node.descriptor = nil
    if let index = open.firstIndex(where: { $0 === node }) { open.swapAt(index, open.count - 1) }
    open.removeLast()
  }

  /// Gives up a descriptor that has not been used since the hand last passed it.
  private func makeRoom() {
    var left = 2 * open.count
    while open.count >= descriptorLimit, left > 0 {
      left -= 1
      hand = hand < open.count ? hand : 0
      let node = open[hand]
      if node.openCount > 0 || node.wasUsed {
        node.wasUsed = false
        hand += 1
      } else {
        node.descriptor = nil
        open.swapAt(hand, open.count - 1)
        open.removeLast()
      }
    }
  }
}
