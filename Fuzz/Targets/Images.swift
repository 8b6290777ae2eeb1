import Configuration
import DeviceFakes
import Digests
import LinuxSystem

@testable import Images

extension FuzzTarget {
  /// How a person names an image: what is understood is written back as it was.
  static func imageReference(_ bytes: [UInt8]) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    let reference: ImageReference
    do throws(Diagnostic) { reference = try ImageReference(parsing: text) } catch {
      return try checkLine(error.description)
    }
    try check(reference.description == text, "\(text.debugDescription) is not what it was read as")
  }

  /// Layers upon one another: the first byte says how many the archives behind it are cut into. What comes of them is
  /// an EROFS image with just the files of the tree, or a line that says why not.
  static func imageLayers(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let layers = cut(withChecksums(Array(bytes.dropFirst())), into: Int(first % 4) + 1)
    var limits = ImageLimits()
    limits.entries = 500
    limits.size = 1 << 30
    limits.written = 1 << 24
    limits.unpacked = 1 << 24
    limits.steps = 1 << 20
    let file = try FileDescriptor(memoryFile: "image")
    let image = ErofsImage(
      file: try file.duplicate(), spool: try FileDescriptor(memoryFile: "spool"), limits: limits)
    var files = LayeredFiles(image: image, limits: limits)
    do throws(ImageFault) {
      for layer in layers {
        let stream = try files.unpacked(MemoryBytes(layer), name: "layer")
        try files.add(Archive(.tar, of: stream, name: "layer"), whiteouts: first < 128)
      }
      try image.finish(files.tree.root, identifier: [UInt8](repeating: 1, count: 16))
    } catch { return try checkLine(error.diagnostic("image").description) }
    var reader = try ErofsReader(file)
    try reader.compare(files.tree.root)
  }

  private static func cut(_ bytes: [UInt8], into count: Int) -> [[UInt8]] {
    let size = max(512, (bytes.count / count + 511) / 512 * 512)
    return stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
  }

  /// Headers that are changed have their checksum made right, for nothing is found behind a wrong one.
  private static func withChecksums(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for start in stride(from: 0, to: bytes.count - 511, by: 512)
    where bytes[(start + 257)..<(start + 262)].elementsEqual("ustar".utf8) {
      for index in 148..<156 { bytes[start + index] = 0x20 }
      let digits = String(bytes[start..<(start + 512)].reduce(0) { $0 + Int($1) }, radix: 8)
      let text = String(repeating: "0", count: 6 - digits.count) + digits + "\0"
      for (index, byte) in text.utf8.enumerated() { bytes[start + 148 + index] = byte }
    }
    return bytes
  }

  /// The documents of an image, one a line, where bytes 1 and 2 stand for digest and size of the
  /// next one: as a layout's index
  /// and what it leads to, and as manifest.json with a configuration.
  static func imageDocuments(_ bytes: [UInt8]) throws {
    let files = GivenDocuments(bytes)
    for isLayout in [true, false] {
      let image: LayeredImage
      do throws(ImageFault) {
        image =
          isLayout
          ? try LayeredImage(layout: files, tag: nil, limits: ImageLimits())
          : try LayeredImage(saved: files, name: nil, limits: ImageLimits())
      } catch {
        try checkLine(error.diagnostic("image").description)
        continue
      }
      try check(Documents.isDigest(image.digest), "\(image.digest) as a digest")
      try check(image.config.workingDirectory.hasPrefix("/"), "a working directory that is relative")
      try check(image.config.environment.allSatisfy { $0.contains("=") }, "a variable without a value")
      let texts =
        image.config.entrypoint + image.config.command + image.config.environment + [image.config.user]
      try check(!texts.contains { $0.utf8.contains(0) }, "a text with a zero byte")
      try check(image.layers.allSatisfy { Documents.isDigest($0.contents) }, "a layer without a digest")
    }
  }
}

private struct GivenDocuments: ImageFiles {
  private var documents: [String: [UInt8]] = [:]
  private var last: [UInt8] = []

  init(_ bytes: [UInt8]) {
    // From the last on, for each has the digest of the next in it.
    for (index, line) in bytes.split(separator: 0x0a).prefix(6).enumerated().reversed() {
      let digest = SHA256.hexadecimal(of: last)
      let text = line.flatMap { byte in
        switch byte {
        case 1: Array("sha256:\(digest)".utf8)
        case 2: Array("\(last.count)".utf8)
        default: [byte]
        }
      }
      documents["blobs/sha256/\(SHA256.hexadecimal(of: text))"] = text
      if index == 0 {
        documents["index.json"] = text
        documents["manifest.json"] = text
        documents["config"] = last
      }
      last = text
    }
  }

  func open(_ path: String) throws(ImageFault) -> any ByteSource {
    guard let bytes = documents[path] else { throw .bad("\(path) is missing") }
    return MemoryBytes(bytes)
  }

  func has(_ path: String) -> Bool { documents[path] != nil }
}

/// Reads an EROFS image, strictly, and knows only what our images have.
private struct ErofsReader: ~Copyable {
  private let file: FileDescriptor
  private let size: UInt64
  private let inodesAt: UInt64
  private let root: UInt64
  private var nodes: [UInt64: ObjectIdentifier] = [:]

  init(_ file: borrowing FileDescriptor) throws {
    let size = try file.status().size
    let superblock = try file.bytes(count: 128, at: 1024)
    try check(Self.number(superblock, 0, 4) == 0xe0f5_e1e2, "no superblock")
    try check(Self.number(superblock, 36, 4) * 4096 == size, "the file is not as long as the file system")
    let copy = try file.duplicate()
    self.file = copy
    self.size = size
    inodesAt = Self.number(superblock, 40, 4) * 4096
    root = Self.number(superblock, 14, 2)
  }

  private static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
    (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
  }

  private func bytes(_ count: UInt64, at offset: UInt64) throws -> [UInt8] {
    try check(offset <= size && count <= size - offset, "\(count) bytes at \(offset) of \(size)")
    return try file.bytes(count: Int(count), at: offset)
  }

  mutating func compare(_ node: ImageNode) throws { try compare(node, root, parent: root) }

  private mutating func compare(_ node: ImageNode, _ number: UInt64, parent: UInt64) throws {
    let position = inodesAt + number * 32
    let inode = try bytes(64, at: position)
    let (layout, length) = (Self.number(inode, 0, 2) >> 1, Self.number(inode, 8, 8))
    try check(
      Self.number(inode, 0, 2) & 1 == 1 && (layout == 0 || layout == 2), "a layout that is not written")
    try check(Self.number(inode, 4, 2) == UInt64(node.attributes.mode | node.kindBits), "another mode")
    try check(Self.number(inode, 24, 4) == UInt64(node.attributes.owner), "another owner")
    if let known = nodes.updateValue(ObjectIdentifier(node), forKey: number) {
      return try check(known == ObjectIdentifier(node) && !node.isDirectory, "two nodes in one place")
    }
    let count = Self.number(inode, 2, 2)
    let rest = layout == 2 ? length % 4096 : 0
    let behind = position + 64 + (count == 0 ? 0 : 12 + 4 * (count - 1))
    try check(
      rest == 0 || behind / 4096 == (behind + rest - 1) / 4096, "what is behind an inode crosses blocks")
    let blocks = Self.number(inode, 16, 4) * 4096
    switch node.kind {
    case .file(let extent):
      try check(length == extent.size, "another length")
      try check(
        length == rest || blocks >= 4096 && blocks + length - rest <= inodesAt, "contents out of place")
    case .symbolicLink(let target):
      let found = try layout == 2 ? bytes(rest, at: behind) : bytes(length, at: blocks)
      try check(found == target, "another target")
    case .directory:
      let whole = try length == rest ? [] : bytes(length - rest, at: blocks)
      try entries(of: node, in: whole + (rest == 0 ? [] : bytes(rest, at: behind)), number, parent)
    default: try check(length == 0, "a node with contents")
    }
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
