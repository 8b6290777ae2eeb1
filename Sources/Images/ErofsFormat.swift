/// The parts of EROFS that are written (Linux, fs/erofs/erofs_fs.h): uncompressed, blocks of 4096 bytes, inodes in their
/// extended form, whose times and owners have no limits.
enum Erofs {
  static let block: UInt64 = 4096
  /// Bytes of an inode without its extended attributes.
  static let inode = 64
  /// Inodes lie at multiples of this; an inode's number counts them.
  static let slot = 32
  static let directoryEntry = 12

  static func blocks(_ bytes: UInt64) -> UInt64 { bytes / block + (bytes % block == 0 ? 0 : 1) }

  /// Block 0, which has the superblock at 1024.
  static func superblock(
    root: UInt16, inodes: UInt64, blocks: UInt32, inodesAt: UInt32, identifier: [UInt8]
  ) -> [UInt8] {
    var bytes = ByteWriter(zeros: 1024)
    bytes.add(0xe0f5_e1e2 as UInt32)
    // No checksum: a guest's kernel would take it at each mount, and the file is ours.
    bytes.add(0 as UInt32)
    bytes.add(0 as UInt32)
    bytes.add(12 as UInt8)
    bytes.add(0 as UInt8)
    bytes.add(root)
    bytes.add(inodes)
    // The time of inodes in the compact form, of which there are none.
    bytes.add(0 as UInt64)
    bytes.add(0 as UInt32)
    bytes.add(blocks)
    bytes.add(inodesAt)
    // Extended attributes that inodes share: none.
    bytes.add(0 as UInt32)
    bytes.add(identifier.prefix(16))
    bytes.pad(to: Int(block))
    return bytes.bytes
  }

  enum Layout: UInt16 {
    /// All of the contents in blocks.
    case plain = 0
    /// What does not fill a block lies behind the inode, in the same block as all of it.
    case inline = 2
  }

  struct Inode {
    var layout: Layout
    var mode: UInt16
    var size: UInt64
    /// The first block of the contents, or the device that a node stands for.
    var place: UInt32
    var number: UInt32
    var links: UInt32

    func encode(_ attributes: FileAttributes, extended: [UInt8]) -> [UInt8] {
      var bytes = ByteWriter()
      bytes.add(1 | layout.rawValue << 1)
      bytes.add(extended.isEmpty ? 0 : UInt16((extended.count - Erofs.attributesHeader) / 4 + 1))
      bytes.add(mode)
      bytes.add(0 as UInt16)
      bytes.add(size)
      bytes.add(place)
      bytes.add(number)
      bytes.add(attributes.owner)
      bytes.add(attributes.group)
      bytes.add(UInt64(bitPattern: attributes.seconds))
      bytes.add(attributes.nanoseconds)
      bytes.add(links)
      bytes.pad(to: Erofs.inode)
      bytes.add(extended)
      return bytes.bytes
    }
  }

  // MARK: Extended attributes

  static let attributesHeader = 12

  /// The classes that Linux has, by the numbers that stand for them.
  private static let classes: [(prefix: String, number: UInt8, isWhole: Bool)] = [
    ("user.", 1, false), ("system.posix_acl_access", 2, true), ("system.posix_acl_default", 3, true),
    ("trusted.", 4, false), ("security.", 6, false),
  ]

  /// What lies behind an inode of its extended attributes. What no class of Linux's begins is left out: it means
  /// something to another system. So are overlayfs' own, which would be taken for those of the guest's overlay.
  static func encode(_ attributes: [ExtendedAttribute]) -> [UInt8] {
    var bytes = ByteWriter(zeros: attributesHeader)
    for attribute in attributes where !attribute.name.starts(with: "trusted.overlay.".utf8) {
      guard
        let kind = classes.first(where: {
          $0.isWhole
            ? attribute.name.elementsEqual($0.prefix.utf8) : attribute.name.starts(with: $0.prefix.utf8)
        }), case let rest = attribute.name.dropFirst(kind.prefix.utf8.count),
        rest.count <= 255, kind.isWhole || !rest.isEmpty
      else { continue }
      bytes.add(UInt8(rest.count))
      bytes.add(kind.number)
      bytes.add(UInt16(attribute.value.count))
      bytes.add(rest)
      bytes.add(attribute.value)
      bytes.align(to: 4)
    }
    return bytes.bytes.count == attributesHeader ? [] : bytes.bytes
  }
}

/// Bytes that are put together, numbers in little-endian order.
struct ByteWriter {
  private(set) var bytes: [UInt8]

  init(zeros count: Int = 0) { bytes = [UInt8](repeating: 0, count: count) }

  mutating func add(_ number: some FixedWidthInteger & UnsignedInteger) {
    for shift in stride(from: 0, to: number.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }

  mutating func add(_ more: some Collection<UInt8>) { bytes.append(contentsOf: more) }

  /// Zeros up to a length that is not less than it is.
  mutating func pad(to count: Int) {
    bytes.append(contentsOf: repeatElement(0, count: max(0, count - bytes.count)))
  }

  mutating func align(to multiple: Int) { pad(to: (bytes.count + multiple - 1) / multiple * multiple) }
}
