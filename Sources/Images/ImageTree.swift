import LinuxSystem

/// What is known of a file of an image; a directory has its entries. Several names may be of one (hard links).
final class ImageNode {
  enum Kind {
    case directory
    case file(FileExtent)
    case symbolicLink([UInt8])
    case characterDevice(major: UInt32, minor: UInt32)
    case blockDevice(major: UInt32, minor: UInt32)
    case pipe
    case socket
  }

  struct Entry {
    var node: ImageNode
    /// The layer that the name is of, counted from 0.
    var layer: Int
  }

  var kind: Kind
  var attributes: FileAttributes
  var entries: [FileName: Entry] = [:]
  /// Of a directory: the one above it, nil for the root.
  fileprivate(set) weak var parent: ImageNode?
  fileprivate(set) var depth = 0
  /// Of a directory: the last layer before which nothing is left in it.
  fileprivate var clearedAt = 0
  /// Where the file system that is written has it.
  var place = NodePlace()

  init(_ kind: Kind, _ attributes: FileAttributes) {
    self.kind = kind
    self.attributes = attributes
  }

  var isDirectory: Bool { if case .directory = kind { true } else { false } }

  /// Bytes of its extended attributes, and of its target where it is a link.
  fileprivate var textSize: Int {
    if case .symbolicLink(let target) = kind {
      attributes.extendedSize + target.count
    } else {
      attributes.extendedSize
    }
  }
}

/// Permissions, owner, time and extended attributes of a file.
struct FileAttributes {
  /// Without the kind.
  var mode: UInt16 = 0o755
  var owner: UInt32 = 0
  var group: UInt32 = 0
  /// Of the last change of the contents.
  var seconds: Int64 = 0
  var nanoseconds: UInt32 = 0
  var extended: [ExtendedAttribute] = []

  /// Bytes of the extended attributes' names and values.
  var extendedSize: Int { extended.reduce(0) { $0 + $1.name.count + $1.value.count } }
}

/// What no image may be more than, so that a hostile one ends with a message.
struct ImageLimits: Sendable {
  var layers = 500
  /// Files, and names in all layers.
  var entries = 1_000_000
  /// Bytes of a path in an archive.
  var path = 4096
  /// Bytes of memory for the list of what is in an archive that an image comes in.
  var members = 32 << 20
  /// Directories in one another.
  var depth = 1024
  /// Steps from a directory to one in it while paths of archives are followed, symbolic links' targets too.
  var steps = 200_000_000
  /// Bytes of the file system, holes of files among them.
  var size: UInt64 = 1 << 40
  /// Bytes that are written.
  var written: UInt64 = 1 << 37
  /// Bytes that archives and layers unpack to, or have where they are not compressed.
  var unpacked: UInt64 = 1 << 37
  /// Bytes of one file's extended attributes and their names. EROFS has numbers for values of up to 65,535 bytes.
  var attributes = 1 << 16
  /// Bytes of all files' names, extended attributes and targets of links, which lie in memory until the image is written.
  var texts = 256 << 20
  /// Bytes of an index, a manifest or a configuration.
  var document = 4 << 20

  init() {}
}

/// The files of an image while its layers are put upon one another (image-spec, layer.md). Nothing is ever unpacked, so
/// there is nothing on the host that a path or a link of an archive could lead to.
struct ImageTree {
  let root: ImageNode
  let limits: ImageLimits
  private(set) var entryCount = 0
  private var texts = 0
  private var steps = 0
  /// Counted from 0.
  private(set) var layer = -1

  init(limits: ImageLimits) {
    self.limits = limits
    root = ImageNode(.directory, FileAttributes())
  }

  mutating func beginLayer() throws(ImageFault) {
    layer += 1
    guard layer < limits.layers else { throw .tooMuch("the image has more than \(limits.layers) layers") }
  }

  // MARK: Paths

  /// The names of a path of an archive, without those that say nothing.
  /// - Throws: for what leaves the image, or is no path.
  func components(_ path: [UInt8]) throws(ImageFault) -> [FileName] {
    guard path.count <= limits.path else {
      throw .tooMuch("a path of \(path.count) bytes, \(quoted(path)), is in it")
    }
    // umoci calls the root itself "/".
    guard path.first != UInt8(ascii: "/") || path.allSatisfy({ $0 == UInt8(ascii: "/") }) else {
      throw .bad("the absolute path \(quoted(path)) is in it")
    }
    var names: [FileName] = []
    for part in path.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
      guard !part.elementsEqual("..".utf8) else { throw .bad("the path \(quoted(path)) leads out of it") }
      guard let name = FileName(part) else { throw .tooMuch("the name \(quoted(part)) is in it") }
      names.append(name)
    }
    return names
  }

  /// The directory that `names` lead to, through symbolic links as they would in the image. What is not there is made,
  /// and so is what is no directory, if `making`.
  private mutating func directory(
    _ names: some Collection<FileName>, path: [UInt8], making: Bool
  ) throws(ImageFault) -> ImageNode? {
    var current = root
    var rest = names.reversed().map { Step.down($0) }
    var links = 0
    while let step = rest.popLast() {
      steps += 1
      guard steps <= limits.steps else { throw .tooMuch("its paths are too long to follow") }
      guard case .down(let name) = step else {
        // Above the root is the root, as for every process.
        current = current.parent ?? current
        continue
      }
      switch current.entries[name].map(\.node) {
      case let node? where node.isDirectory: current = node
      case let node?:
        if case .symbolicLink(let target) = node.kind {
          links += 1
          guard links <= 40 else { throw .bad("the path \(quoted(path)) leads through a loop of links") }
          if target.first == UInt8(ascii: "/") { current = root }
          rest += try Self.steps(target).reversed()
        } else if making {
          current = try add(ImageNode(.directory, FileAttributes()), name, in: current)
        } else {
          return nil
        }
      case nil:
        guard making else { return nil }
        current = try add(ImageNode(.directory, FileAttributes()), name, in: current)
      }
    }
    return current
  }

  private enum Step { case up, down(FileName) }

  /// The steps that the target of a symbolic link stands for.
  private static func steps(_ target: [UInt8]) throws(ImageFault) -> [Step] {
    var steps: [Step] = []
    for part in target.split(separator: UInt8(ascii: "/")) where !part.elementsEqual(".".utf8) {
      if part.elementsEqual("..".utf8) {
        steps.append(.up)
      } else if let name = FileName(part) {
        steps.append(.down(name))
      } else {
        throw .tooMuch("the name \(quoted(part)) is in it")
      }
    }
    return steps
  }

  // MARK: Changes

  /// Puts a file under a path, in place of what is there; a directory in place of a directory keeps what is in it.
  mutating func put(_ node: ImageNode, at path: [UInt8]) throws(ImageFault) {
    let names = try components(path)
    let attributes = node.attributes.extendedSize
    guard attributes <= limits.attributes else {
      throw .tooMuch(
        "\(path.isEmpty ? "its root" : quoted(path)) has \(attributes) bytes of extended attributes")
    }
    try keep(node.textSize)
    guard let name = names.last else {
      guard node.isDirectory else { throw .bad("its root is no directory") }
      root.attributes = node.attributes
      return
    }
    guard let folder = try directory(names.dropLast(), path: path, making: true) else { return }
    if node.isDirectory, let old = folder.entries[name]?.node, old.isDirectory {
      old.attributes = node.attributes
      folder.entries[name] = .init(node: old, layer: layer)
      try count()
      return
    }
    try add(node, name, in: folder)
  }

  /// Gives the file at `target`, of this layer or one before it, another name.
  mutating func link(_ target: [UInt8], at path: [UInt8]) throws(ImageFault) {
    let names = try components(path)
    let targetNames = try components(target)
    guard let name = names.last, let targetName = targetNames.last,
      let targetFolder = try directory(targetNames.dropLast(), path: target, making: false),
      let node = targetFolder.entries[targetName]?.node
    else { throw .bad("\(quoted(path)) is a link to \(quoted(target)), which is not in it") }
    guard !node.isDirectory else {
      throw .bad("\(quoted(path)) is a link to \(quoted(target)), which is a directory")
    }
    guard let folder = try directory(names.dropLast(), path: path, making: true) else { return }
    // The directory that was made on the way may have taken the target's place.
    try add(node, name, in: folder)
  }

  /// Takes what layers before this one have at `path` away.
  mutating func remove(_ path: [UInt8]) throws(ImageFault) {
    let names = try components(path)
    try count()
    guard let name = names.last,
      let folder = try directory(names.dropLast(), path: path, making: false),
      let entry = folder.entries[name]
    else { return }
    if !keeps(entry) { folder.entries[name] = nil }
  }

  /// Takes what layers before this one have in the directory at `path` away.
  mutating func clear(_ path: [UInt8]) throws(ImageFault) {
    let names = try components(path)
    try count()
    if let folder = try directory(names, path: path, making: true) { clear(folder) }
  }

  private func clear(_ folder: ImageNode) {
    guard folder.clearedAt < layer else { return }
    folder.clearedAt = layer
    for (name, entry) in folder.entries where !keeps(entry) { folder.entries[name] = nil }
  }

  /// Whether anything of an entry is of this layer; what is not goes.
  private func keeps(_ entry: ImageNode.Entry) -> Bool {
    guard entry.node.isDirectory else { return entry.layer == layer }
    clear(entry.node)
    return entry.layer == layer || !entry.node.entries.isEmpty
  }

  @discardableResult
  private mutating func add(
    _ node: ImageNode, _ name: FileName, in folder: ImageNode
  ) throws(ImageFault) -> ImageNode {
    try count()
    try keep(name.bytes.count)
    if node.isDirectory {
      node.parent = folder
      node.depth = folder.depth + 1
      // Of a new directory nothing is of an earlier layer.
      node.clearedAt = layer
      guard node.depth <= limits.depth else {
        throw .tooMuch("it has more than \(limits.depth) directories in one another")
      }
    }
    folder.entries[name] = .init(node: node, layer: layer)
    return node
  }

  private mutating func count() throws(ImageFault) {
    entryCount += 1
    guard entryCount <= limits.entries else { throw .tooMuch("it has more than \(limits.entries) files") }
  }

  /// - Parameter size: bytes of texts that are kept; those that a later layer takes away count too.
  private mutating func keep(_ size: Int) throws(ImageFault) {
    texts += size
    guard texts <= limits.texts else {
      throw .tooMuch("its names, links and extended attributes have more than \(limits.texts >> 20) MiB")
    }
  }
}
