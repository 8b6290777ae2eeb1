import GuestMemory

/// What every request begins with (linux/fuse.h, fuse_in_header).
struct FuseHeader {
  static let size = 40
  /// Of the structure a reply begins with (fuse_out_header).
  static let replySize = 16

  /// Bytes of the whole request.
  let length: UInt32
  /// Any number may come from a driver.
  let operation: UInt32
  /// What the reply must repeat.
  let unique: UInt64
  let node: FuseNode
  /// In units of 8 bytes; only where extensions were agreed on, which Swiftlet never does.
  let extensions: UInt16

  /// Takes the header off the front of a request; nil where that is shorter.
  init?(_ cursor: inout ChainCursor, _ memory: GuestMemory) {
    var bytes = InlineArray<40, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    guard cursor.read(into: &span, from: memory) == Self.size else { return nil }
    var reader = FieldReader(bytes)
    length = reader.next()
    operation = reader.next()
    unique = reader.next()
    node = FuseNode(number: reader.next())
    // The user, group and process that asked: the guest's kernel checks permissions itself (default_permissions).
    for _ in 0..<3 { _ = reader.next(UInt32.self) }
    extensions = reader.next()
  }

  /// The header of the reply.
  /// - Parameter count: bytes behind it; none with an error.
  func reply(_ error: FuseError?, count: Int) -> InlineArray<16, UInt8> {
    var writer = FieldWriter<16>()
    writer.put(UInt32(Self.replySize + count))
    writer.put(UInt32(bitPattern: -(error?.code ?? 0)))
    writer.put(unique)
    return writer.bytes
  }
}

/// FUSE_* operations; those not here are answered as not implemented.
enum FuseOperation: UInt32 {
  case lookUp = 1
  case forget, getAttributes, setAttributes, readLink, symbolicLink
  case makeNode = 8
  case makeDirectory, unlink, removeDirectory, rename, link, open, read, write, fileSystemStatus, release
  case synchronize = 20
  case initialize = 26
  case openDirectory, readDirectory, releaseDirectory, synchronizeDirectory
  case create = 35
  case interrupt
  case destroy = 38
  case batchForget = 42
  case allocate, readDirectoryPlus, renameWithFlags, seek

  var hasReply: Bool {
    switch self {
    case .forget, .batchForget, .interrupt: false
    default: true
    }
  }
}
