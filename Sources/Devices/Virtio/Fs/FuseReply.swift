public import LinuxSystem

/// The structures of linux/fuse.h that replies are made of.
enum FuseReply {
  /// Seconds for which the guest's kernel trusts a name or attributes without asking again.
  static let validity: UInt64 = 1

  /// fuse_attr_out.
  static func attributes(_ details: FileDetails) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(104)
    bytes.append(littleEndian: validity)
    bytes.append(littleEndian: UInt64(0))
    bytes.append(details)
    return bytes
  }

  /// fuse_open_out; FOPEN_KEEP_CACHE.
  static func opened(_ handle: FuseHandle, keepsCache: Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: handle.number)
    bytes.append(littleEndian: UInt64(keepsCache ? 2 : 0))
    return bytes
  }

  /// fuse_statfs_out.
  static func status(_ status: FileSystemStatus) -> [UInt8] {
    var bytes: [UInt8] = []
    for field in [
      status.blocks, status.freeBlocks, status.availableBlocks, status.files, status.freeFiles,
    ] { bytes.append(littleEndian: field) }
    bytes.append(littleEndian: status.blockSize)
    bytes.append(littleEndian: min(status.nameLimit, UInt32(FileName.limit)))
    bytes.append(littleEndian: status.fragmentSize)
    return bytes + [UInt8](repeating: 0, count: 28)
  }
}

extension [UInt8] {
  /// fuse_entry_out. Node numbers are never used twice, so their generation is always 0.
  mutating func append(_ entry: FuseEntry) {
    append(littleEndian: entry.node.number)
    append(littleEndian: UInt64(0))
    append(littleEndian: FuseReply.validity)
    append(littleEndian: FuseReply.validity)
    append(littleEndian: UInt64(0))
    append(entry.details)
  }

  /// fuse_attr.
  mutating func append(_ details: FileDetails) {
    append(littleEndian: details.identity.number)
    append(littleEndian: details.size)
    append(littleEndian: details.blocks)
    let times = [details.accessed, details.modified, details.changed]
    for time in times { append(littleEndian: UInt64(bitPattern: time.seconds)) }
    for time in times { append(littleEndian: time.nanoseconds) }
    // A device's number as Linux encodes it in 32 bits (new_encode_dev).
    let device =
      details.deviceMinor & 0xff | details.deviceMajor << 8 | (details.deviceMinor & ~0xff) << 12
    for field in [
      details.mode, details.links, details.owner, details.group, device, details.blockSize, 0,
    ] { append(littleEndian: field) }
  }
}

/// The reply to READDIR or READDIRPLUS while it fills.
public struct FuseDirectoryList {
  /// Whether each entry comes with its node, which then counts as looked up.
  public let hasNodes: Bool
  /// Bytes of the whole list.
  public let limit: Int
  private(set) var bytes: [UInt8] = []

  private static let entrySize = 24
  private static let nodeSize = 128

  init(hasNodes: Bool, limit: Int) {
    self.hasNodes = hasNodes
    self.limit = limit
  }

  /// Whether an entry of that name still fits.
  public func hasRoom(for name: [UInt8]) -> Bool { bytes.count + size(name) <= limit }

  private func size(_ name: [UInt8]) -> Int {
    (hasNodes ? Self.nodeSize : 0) + (Self.entrySize + name.count + 7) / 8 * 8
  }

  /// Appends what there is room for.
  /// - Parameter node: nil for an entry whose node cannot be told: `.` and `..`, or one that is gone already.
  public mutating func append(_ entry: DirectoryEntry, _ node: FuseEntry?) {
    let end = bytes.count + size(entry.name)
    if hasNodes {
      if let node { bytes.append(node) } else { bytes += [UInt8](repeating: 0, count: Self.nodeSize) }
    }
    bytes.append(littleEndian: entry.number)
    bytes.append(littleEndian: UInt64(bitPattern: entry.next))
    bytes.append(littleEndian: UInt32(entry.name.count))
    bytes.append(littleEndian: entry.type)
    bytes += entry.name
    bytes += [UInt8](repeating: 0, count: end - bytes.count)
  }
}
