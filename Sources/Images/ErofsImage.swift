import LinuxSystem

/// Where an EROFS image has the contents of a file: whole blocks one behind the other, then the rest.
struct FileExtent {
  var size: UInt64
  /// Of the whole blocks.
  var firstBlock: UInt32
  /// Where the rest, size % 4096 bytes, is in the spool until it is put behind the inode; nil where it has a block too.
  var rest: UInt64?

  var blockCount: UInt64 { rest == nil ? Erofs.blocks(size) : size / Erofs.block }
}

/// An EROFS image while it is written: contents first, as they come, and then the inodes, when all is known.
///
/// Contents of files that a later layer takes away are punched out of the image in the end, so that it takes no more room
/// than what is in it.
final class ErofsImage {
  private let file: FileDescriptor
  private let spool: Spool
  private let limits: ImageLimits
  /// The block behind the last that is taken. Block 0 is the superblock's.
  private var nextBlock: UInt64 = 1
  private var written: UInt64 = 0

  /// - Parameters:
  ///   - file: empty, for the image.
  ///   - spool: empty, for what goes behind inodes.
  init(file: consuming FileDescriptor, spool: consuming FileDescriptor, limits: ImageLimits) {
    self.file = file
    self.spool = Spool(spool)
    self.limits = limits
  }

  /// Whether `count` bytes fit behind an inode and its extended attributes, in one block with them.
  private static func fits(_ count: UInt64, behind extended: Int) -> Bool {
    count > 0 && UInt64(inode + extended) + count <= Erofs.block
  }
  private static let inode = Erofs.inode

  private func takeBlocks(_ count: UInt64) throws(ImageFault) -> UInt32 {
    guard count <= limits.size / Erofs.block, nextBlock + count <= limits.size / Erofs.block else {
      throw .tooMuch("it unpacks to more than \(limits.size >> 30) GiB")
    }
    defer { nextBlock += count }
    return UInt32(truncatingIfNeeded: nextBlock)
  }

  // MARK: Contents

  /// Adds the contents of a file.
  /// - Parameter fill: hands on bytes and their place in the file; what is handed on never are zeros.
  func add(
    size: UInt64, attributes: FileAttributes,
    fill: ((UInt64, Span<UInt8>) throws(ImageFault) -> Void) throws(ImageFault) -> Void
  ) throws(ImageFault) -> FileExtent {
    let restSize = size % Erofs.block
    let isInline = Self.fits(restSize, behind: Erofs.encode(attributes.extended).count)
    let whole = isInline ? size - restSize : size
    let firstBlock = try takeBlocks(Erofs.blocks(whole))
    var rest = [UInt8](repeating: 0, count: isInline ? Int(restSize) : 0)
    try fill { (offset, bytes) throws(ImageFault) in
      guard offset <= size, UInt64(bytes.count) <= size - offset else {
        throw .bad("a file in it is longer than it says")
      }
      let count = offset < whole ? Int(min(whole - offset, UInt64(bytes.count))) : 0
      if count > 0 {
        try write(bytes.extracting(first: count), at: UInt64(firstBlock) * Erofs.block + offset)
      }
      for index in count..<bytes.count { rest[Int(offset + UInt64(index) - whole)] = bytes[index] }
    }
    return FileExtent(size: size, firstBlock: firstBlock, rest: isInline ? try spool.add(rest) : nil)
  }

  private func write(_ bytes: Span<UInt8>, at offset: UInt64) throws(ImageFault) {
    written += UInt64(bytes.count)
    guard written <= limits.written else {
      throw .tooMuch("it unpacks to more than \(limits.written >> 30) GiB")
    }
    do throws(SystemError) { try file.writeAll(bytes, at: offset) } catch { throw .unwritable(error) }
  }

  // MARK: Inodes

  /// Writes all but the contents, and brings the image to stable storage.
  /// - Parameter identifier: 16 bytes of the file system's UUID.
  func finish(_ root: ImageNode, identifier: [UInt8]) throws(ImageFault) {
    let nodes = NodeList(root)
    var slots = InodeSlots()
    for node in nodes.all {
      let extended = Erofs.encode(node.attributes.extended).count
      let (count, isInline) = try payload(node, extended)
      node.place.isInline = isInline
      node.place.blockCount = isInline ? count / Erofs.block : Erofs.blocks(count)
      node.place.firstBlock = try takeBlocks(node.place.blockCount)
      node.place.position = slots.take(Self.inode + extended + (isInline ? Int(count % Erofs.block) : 0))
    }
    let inodesAt = try takeBlocks(slots.blocks)
    for (index, node) in nodes.all.enumerated() {
      try write(node, number: UInt32(index + 1), links: nodes.links(of: node), inodesAt: inodesAt)
    }
    let superblock = Erofs.superblock(
      root: UInt16(root.place.number), inodes: UInt64(nodes.all.count), blocks: UInt32(nextBlock),
      inodesAt: inodesAt, identifier: identifier)
    try write(superblock.span, at: 0)
    do throws(SystemError) {
      try punchHoles(between: nodes.usedBlocks + [(UInt64(inodesAt), slots.blocks)])
      try file.setLength(nextBlock * Erofs.block)
      try file.synchronize()
    } catch { throw .unwritable(error) }
  }

  /// How many bytes a node has that are not written yet, and whether those that do not fill a block go behind the inode.
  private func payload(_ node: ImageNode, _ extended: Int) throws(ImageFault) -> (UInt64, isInline: Bool) {
    switch node.kind {
    case .directory:
      let count = ErofsDirectory.size(of: node)
      return (count, Self.fits(count % Erofs.block, behind: extended))
    case .symbolicLink(let target):
      return (UInt64(target.count), Self.fits(UInt64(target.count), behind: extended))
    case .file(let extent):
      return extent.rest == nil ? (0, false) : (extent.size % Erofs.block, true)
    case .characterDevice, .blockDevice, .pipe, .socket: return (0, false)
    }
  }

  private func write(
    _ node: ImageNode, number: UInt32, links: UInt32, inodesAt: UInt32
  ) throws(ImageFault) {
    let extended = Erofs.encode(node.attributes.extended)
    var inode = Erofs.Inode(
      layout: node.place.isInline ? .inline : .plain, mode: node.attributes.mode | node.kindBits, size: 0,
      place: node.place.firstBlock, number: number, links: links)
    var contents: [UInt8] = []
    switch node.kind {
    case .directory: contents = ErofsDirectory.encode(node)
    case .symbolicLink(let target): contents = target
    case .file(let extent):
      inode.size = extent.size
      inode.place = extent.firstBlock
      if let rest = extent.rest { contents = try spool.bytes(Int(extent.size % Erofs.block), at: rest) }
    case .characterDevice(let major, let minor), .blockDevice(let major, let minor):
      inode.place = (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)
    case .pipe, .socket: break
    }
    var behind = contents[...]
    if case .file = node.kind {
    } else {
      inode.size = UInt64(contents.count)
      let whole = node.place.isInline ? contents.count / Int(Erofs.block) * Int(Erofs.block) : contents.count
      if whole > 0 {
        try write(contents.span.extracting(first: whole), at: UInt64(node.place.firstBlock) * Erofs.block)
      }
      behind = contents[whole...]
    }
    let bytes = inode.encode(node.attributes, extended: extended) + behind
    try write(bytes.span, at: UInt64(inodesAt) * Erofs.block + node.place.position)
  }

  /// Gives back the room of contents that no file has any more.
  private func punchHoles(between used: [(first: UInt64, count: UInt64)]) throws(SystemError) {
    var end: UInt64 = 1
    for (first, count) in used.sorted(by: { $0.first < $1.first }) where count > 0 {
      if first > end {
        do throws(SystemError) {
          try file.punchHole(at: end * Erofs.block, count: (first - end) * Erofs.block)
        } catch {
          // A file system without holes keeps them.
          if !error.isUnsupported { throw error }
        }
      }
      end = max(end, first + count)
    }
  }
}

/// Bytes put aside, to be had again by their place.
private final class Spool {
  private let file: FileDescriptor
  private var pending: [UInt8] = []
  private var written: UInt64 = 0

  init(_ file: consuming FileDescriptor) { self.file = file }

  func add(_ bytes: [UInt8]) throws(ImageFault) -> UInt64 {
    let place = written + UInt64(pending.count)
    pending += bytes
    if pending.count >= 1 << 20 {
      let bytes = pending
      pending.removeAll()
      do throws(SystemError) { try file.writeAll(bytes.span, at: written) } catch { throw .unwritable(error) }
      written += UInt64(bytes.count)
    }
    return place
  }

  func bytes(_ count: Int, at place: UInt64) throws(ImageFault) -> [UInt8] {
    if place >= written {
      let start = Int(place - written)
      return Array(pending[start..<(start + count)])
    }
    do throws(SystemError) { return try file.bytes(count: count, at: place) } catch {
      throw .unwritable(error)
    }
  }
}
