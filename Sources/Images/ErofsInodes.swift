import LinuxSystem

/// Where a node's inode and what is not the contents of a file are.
struct NodePlace {
  /// Bytes from where inodes begin.
  var position: UInt64 = 0
  /// Of what a directory or a symbolic link has that does not lie behind its inode.
  var firstBlock: UInt32 = 0
  var blockCount: UInt64 = 0
  var isInline = false
  /// How many names the node has; 0 for one that was not met yet.
  var names: UInt32 = 0

  /// EROFS' number of the inode.
  var number: UInt64 { position / UInt64(Erofs.slot) }
}

extension ImageNode {
  /// S_IFMT of the mode.
  var kindBits: UInt16 {
    switch kind {
    case .directory: 0o040000
    case .file: 0o100000
    case .symbolicLink: 0o120000
    case .characterDevice: 0o020000
    case .blockDevice: 0o060000
    case .pipe: 0o010000
    case .socket: 0o140000
    }
  }
}

/// The nodes of a tree, each once: a directory's entries one behind the other, for who looks at one looks at all.
struct NodeList {
  private(set) var all: [ImageNode]

  init(_ root: ImageNode) {
    all = [root]
    root.place.names = 1
    var directories = [root]
    while let directory = directories.popLast() {
      for node in directory.sorted.map(\.node) {
        node.place.names += 1
        guard node.place.names == 1 else { continue }
        all.append(node)
        if node.isDirectory { directories.append(node) }
      }
    }
  }

  func links(of node: ImageNode) -> UInt32 {
    guard node.isDirectory else { return node.place.names }
    return 2 + UInt32(node.entries.values.count { $0.node.isDirectory })
  }

  /// First block and number of blocks of all contents, but not in their order.
  var usedBlocks: [(first: UInt64, count: UInt64)] {
    all.map { node in
      if case .file(let extent) = node.kind { return (UInt64(extent.firstBlock), extent.blockCount) }
      return (UInt64(node.place.firstBlock), node.place.blockCount)
    }
  }
}

extension ImageNode {
  /// The entries in EROFS' order, which is that of the names' bytes.
  var sorted: [(name: FileName, node: ImageNode)] {
    entries.map { ($0.key, $0.value.node) }.sorted { $0.name.bytes.lexicographicallyPrecedes($1.name.bytes) }
  }
}

/// Finds places for inodes with what lies behind them: each within a block, for that is what EROFS asks for.
struct InodeSlots {
  /// Blocks that have room left, and the bytes that are taken of each.
  private var open: [(block: UInt64, taken: Int)]
  private(set) var blocks: UInt64 = 1

  /// Inode 0 is nobody's: to programs it would mean that there is no file.
  init() { open = [(0, Erofs.slot)] }

  /// - Returns: bytes from where inodes begin.
  mutating func take(_ size: Int) -> UInt64 {
    let size = (size + Erofs.slot - 1) / Erofs.slot * Erofs.slot
    let block = Int(Erofs.block)
    if let index = open.firstIndex(where: { $0.taken + size <= block }) {
      defer { open[index].taken += size }
      return open[index].block * Erofs.block + UInt64(open[index].taken)
    }
    // More than a block: the extended attributes, which may go on in the next.
    let count = UInt64((size + block - 1) / block)
    let position = blocks * Erofs.block
    blocks += count
    if open.count == 32, let fullest = open.indices.max(by: { open[$0].taken < open[$1].taken }) {
      open.remove(at: fullest)
    }
    open.append((blocks - 1, size - Int(count - 1) * block))
    return position
  }
}

/// A directory's contents: blocks of entries in the order of their names, in each first the entries, then the names.
enum ErofsDirectory {
  private struct Item {
    let name: ArraySlice<UInt8>
    let number: UInt64
    let type: UInt8
  }

  private static func items(_ node: ImageNode) -> [Item] {
    let parent = node.parent ?? node
    let own = [
      Item(name: Array(".".utf8)[...], number: node.place.number, type: 2),
      Item(name: Array("..".utf8)[...], number: parent.place.number, type: 2),
    ]
    let rest = node.entries.map { name, entry in
      Item(name: name.bytes, number: entry.node.place.number, type: entry.node.directoryType)
    }
    return (own + rest).sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }

  private static func blocks(_ items: [Item]) -> [Range<Int>] {
    var blocks: [Range<Int>] = []
    var (start, taken) = (0, 0)
    for (index, item) in items.enumerated() {
      let size = Erofs.directoryEntry + item.name.count
      if taken + size > Int(Erofs.block) {
        blocks.append(start..<index)
        (start, taken) = (index, 0)
      }
      taken += size
    }
    return blocks + [start..<items.count]
  }

  static func size(of node: ImageNode) -> UInt64 {
    let items = items(node)
    let blocks = blocks(items)
    let last = items[(blocks.last ?? 0..<0)].reduce(0) { $0 + Erofs.directoryEntry + $1.name.count }
    return UInt64(blocks.count - 1) * Erofs.block + UInt64(last)
  }

  static func encode(_ node: ImageNode) -> [UInt8] {
    let items = items(node)
    var bytes = ByteWriter()
    for block in blocks(items) {
      bytes.align(to: Int(Erofs.block))
      var nameOffset = block.count * Erofs.directoryEntry
      for item in items[block] {
        bytes.add(item.number)
        bytes.add(UInt16(nameOffset))
        bytes.add(item.type)
        bytes.add(0 as UInt8)
        nameOffset += item.name.count
      }
      for item in items[block] { bytes.add(item.name) }
    }
    return bytes.bytes
  }
}

extension ImageNode {
  /// FT_* of the kernel, in directories.
  fileprivate var directoryType: UInt8 {
    switch kind {
    case .file: 1
    case .directory: 2
    case .characterDevice: 3
    case .blockDevice: 4
    case .pipe: 5
    case .socket: 6
    case .symbolicLink: 7
    }
  }
}
