import DeviceFakes
import LinuxSystem

@testable import Images

/// Reads an EROFS image, strictly, and compares all of it with the tree that it was written from. It knows only what our
/// images have.
struct ErofsReader: ~Copyable {
  private let file: FileDescriptor
  private let size: UInt64
  private let inodesAt: UInt64
  private let rootNumber: UInt64
  private let tree: ImageNode
  private let checkContents: ([ArraySlice<UInt8>], [UInt8]) throws -> Void
  /// By the number that the image has for it.
  private var nodes: [UInt64: ObjectIdentifier] = [:]
  private var names: [ObjectIdentifier: [ArraySlice<UInt8>]] = [:]

  /// - Parameter checkContents: given each file's names and contents.
  init(
    _ file: borrowing FileDescriptor, tree: ImageNode,
    checkContents: @escaping ([ArraySlice<UInt8>], [UInt8]) throws -> Void
  ) throws {
    let size = try file.status().size
    let superblock = try file.bytes(count: 128, at: 1024)
    try check(Self.number(superblock, 0, 4) == 0xe0f5_e1e2, "no superblock")
    try check(Self.number(superblock, 36, 4) * 4096 == size, "the file is not as long as the file system")
    let copy = try file.duplicate()
    self.file = copy
    self.size = size
    self.tree = tree
    self.checkContents = checkContents
    inodesAt = Self.number(superblock, 40, 4) * 4096
    rootNumber = Self.number(superblock, 14, 2)
    var directories = [tree]
    while let directory = directories.popLast() {
      for (name, entry) in directory.entries {
        names[ObjectIdentifier(entry.node), default: []].append(name.bytes)
        if entry.node.isDirectory { directories.append(entry.node) }
      }
    }
  }

  mutating func compare() throws { try compare(tree, rootNumber, parent: rootNumber) }

  private static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
  }

  private func bytes(_ count: UInt64, at offset: UInt64) throws -> [UInt8] {
    try check(offset <= size && count <= size - offset, "\(count) bytes at \(offset) of \(size)")
    return try file.bytes(count: Int(count), at: offset)
  }

  private mutating func compare(_ node: ImageNode, _ number: UInt64, parent: UInt64) throws {
    let position = inodesAt + number * 32
    let inode = try bytes(64, at: position)
    if let known = nodes.updateValue(ObjectIdentifier(node), forKey: number) {
      return try check(known == ObjectIdentifier(node) && !node.isDirectory, "two nodes in one place")
    }
    try compare(node.attributes, kind: node.kindBits, inode)
    try check(Self.number(inode, 44, 4) == links(of: node), "another number of links")
    let layout = Self.number(inode, 0, 2) >> 1
    let count = Self.number(inode, 2, 2)
    let behind = position + 64 + (count == 0 ? 0 : 12 + 4 * (count - 1))
    try compare(node.attributes.extended, bytes(behind - position - 64, at: position + 64))
    try check(
      Self.number(inode, 0, 2) & 1 == 1 && (layout == 0 || layout == 2), "a layout that is not written")
    let (length, place) = (Self.number(inode, 8, 8), Self.number(inode, 16, 4))
    switch node.kind {
    case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
      try check((place >> 8) & 0xfff == UInt64(major), "another device")
      try check(place & 0xff | (place >> 12) & 0xf_ff00 == UInt64(minor), "another device")
      fallthrough
    case .pipe, .socket: try check(length == 0, "a node with contents")
    case .file(let extent) where extent.size > 1 << 24: try check(length == extent.size, "another length")
    default:
      let contents = try contents(length, isInline: layout == 2, blocks: place * 4096, behind: behind)
      try compare(node, contents, number, parent)
    }
  }

  private func contents(_ length: UInt64, isInline: Bool, blocks: UInt64, behind: UInt64) throws -> [UInt8] {
    let rest = isInline ? length % 4096 : 0
    try check(
      rest == 0 || behind / 4096 == (behind + rest - 1) / 4096, "what is behind an inode crosses blocks")
    try check(length == rest || blocks >= 4096, "contents in the superblock")
    return try (length == rest ? [] : bytes(length - rest, at: blocks))
      + (rest == 0 ? [] : bytes(rest, at: behind))
  }

  private mutating func compare(
    _ node: ImageNode, _ contents: [UInt8], _ number: UInt64, _ parent: UInt64
  ) throws {
    switch node.kind {
    case .file(let extent):
      try check(contents.count == extent.size, "another length")
      try checkContents(names[ObjectIdentifier(node)] ?? [], contents)
    case .symbolicLink(let target): try check(contents == target, "another target")
    default: try entries(of: node, in: contents, number, parent)
    }
  }

  private func links(of node: ImageNode) -> UInt64 {
    let names = names[ObjectIdentifier(node)]?.count ?? 0
    return UInt64(node.isDirectory ? 2 + node.entries.values.count { $0.node.isDirectory } : names)
  }

  private func compare(_ attributes: FileAttributes, kind: UInt16, _ inode: [UInt8]) throws {
    try check(Self.number(inode, 4, 2) == UInt64(attributes.mode | kind), "another mode")
    try check(Self.number(inode, 24, 4) == UInt64(attributes.owner), "another owner")
    try check(Self.number(inode, 28, 4) == UInt64(attributes.group), "another group")
    try check(Int64(bitPattern: Self.number(inode, 32, 8)) == attributes.seconds, "another time")
    try check(Self.number(inode, 40, 4) == UInt64(attributes.nanoseconds), "another time")
  }

  /// - Parameter area: what lies behind an inode of them.
  private func compare(_ attributes: [ExtendedAttribute], _ area: [UInt8]) throws {
    let prefixes: [UInt8: String] = [
      1: "user.", 2: "system.posix_acl_access", 3: "system.posix_acl_default", 4: "trusted.", 6: "security.",
    ]
    var found: [[UInt8]: [UInt8]] = [:]
    var place = 12
    while place < area.count {
      let (nameSize, size) = (Int(area[place]), Int(Self.number(area, place + 2, 2)))
      let end = place + 4 + nameSize + size
      try check(end <= area.count, "an attribute that is cut")
      guard let prefix = prefixes[area[place + 1]] else { throw Finding(description: "an unknown class") }
      let name = Array(prefix.utf8) + area[(place + 4)..<(place + 4 + nameSize)]
      try check(found.updateValue(Array(area[(end - size)..<end]), forKey: name) == nil, "an attribute twice")
      place = (end + 3) / 4 * 4
    }
    var expected: [[UInt8]: [UInt8]] = [:]
    for attribute in attributes {
      let name = attribute.name
      guard !name.starts(with: "trusted.overlay.".utf8) else { continue }
      let isKept = prefixes.values.contains { prefix in
        let rest = name.count - prefix.utf8.count
        return name.starts(with: prefix.utf8) && (prefix.last == "." ? (1...255).contains(rest) : rest == 0)
      }
      if isKept { expected[name] = attribute.value }
    }
    try check(found == expected, "other extended attributes")
  }

  private mutating func entries(
    of node: ImageNode, in contents: [UInt8], _ number: UInt64, _ parent: UInt64
  ) throws {
    var last: ArraySlice<UInt8> = []
    var found = 0
    for start in stride(from: 0, to: contents.count, by: 4096) {
      let block = Array(contents[start..<min(start + 4096, contents.count)])
      let count = Int(Self.number(block, 8, 2)) / 12
      try check(count > 0, "a block without entries")
      for index in 0..<count {
        let offset = Int(Self.number(block, index * 12 + 8, 2))
        let end = index + 1 < count ? Int(Self.number(block, index * 12 + 20, 2)) : block.count
        let name = block[offset..<end].prefix { $0 != 0 }
        try check(last.lexicographicallyPrecedes(name), "names out of order")
        last = name
        let target = Self.number(block, index * 12, 8)
        if name.elementsEqual(".".utf8) {
          try check(target == number, ". is not itself")
        } else if name.elementsEqual("..".utf8) {
          try check(target == parent, ".. is not the parent")
        } else {
          found += 1
          guard let entry = FileName(name).flatMap({ node.entries[$0] }) else {
            throw Finding(description: "a name that nobody gave")
          }
          try compare(entry.node, target, parent: number)
        }
      }
    }
    try check(found == node.entries.count, "\(found) names of \(node.entries.count)")
  }
}
