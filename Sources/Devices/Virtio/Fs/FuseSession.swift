import GuestMemory
import LinuxSystem

/// The conversation with one guest kernel, from FUSE_INIT to FUSE_DESTROY: takes requests apart, has them done.
struct FuseSession {
  /// Bytes one READ or WRITE moves at most (max_write, and max_pages of 4 KiB).
  static let transferLimit = 256 << 10
  /// Bytes of a list of entries.
  private static let listLimit = 32 << 10
  /// Minor versions of protocol 7 whose structures are those spoken here.
  private static let minorVersions: ClosedRange<UInt32> = 31...38

  let folder: any SharedFolder
  private var isReady = false

  init(folder: any SharedFolder) { self.folder = folder }

  func check(isReady wanted: Bool) throws(FuseError) {
    guard isReady == wanted else { throw .notConnected }
  }

  mutating func end() {
    isReady = false
    folder.beginSession()
  }

  /// A request without an answer. What is wrong with it is dropped, for there is no one to tell.
  func take(
    _ operation: FuseOperation, _ header: FuseHeader, _ input: inout ChainCursor, _ memory: GuestMemory
  ) {
    guard isReady, input.remaining <= FuseBody.limit else { return }
    var body = FuseBody(input.read(input.remaining, from: memory))
    do throws(FuseError) {
      switch operation {
      case .forget: folder.forget(header.node, count: try body.next())
      case .batchForget:
        let count: UInt32 = try body.next()
        try body.skip(4)
        for _ in 0..<count { folder.forget(FuseNode(number: try body.next()), count: try body.next()) }
      default: break  // INTERRUPT: requests are done in turn, so the one meant is answered already.
      }
    } catch {}
  }

  /// - Parameter room: bytes there are for the reply.
  /// - Returns: what the reply has behind its header.
  mutating func answer(
    _ operation: FuseOperation, _ header: FuseHeader, _ body: FuseBody, room: Int
  ) throws(FuseError) -> [UInt8] {
    var body = body
    if operation == .initialize { return try initialize(&body) }
    try check(isReady: true)
    let node = header.node
    switch operation {
    case .destroy:
      end()
      return []
    case .lookUp, .symbolicLink, .makeNode, .makeDirectory, .link, .create:
      return try answerEntry(operation, node, &body)
    case .unlink, .removeDirectory, .rename, .renameWithFlags:
      try change(operation, node, &body)
      return []
    case .getAttributes:
      try body.skip(16)
      try body.end()
      return FuseReply.attributes(try folder.details(of: node))
    case .setAttributes:
      let change = try FuseChange(&body)
      return FuseReply.attributes(try folder.change(node, change))
    case .readLink:
      try body.end()
      return try folder.linkTarget(of: node)
    case .fileSystemStatus:
      try body.end()
      return FuseReply.status(try folder.fileSystemStatus())
    case .open, .openDirectory: return try open(operation, node, &body)
    default: return try answerHandle(operation, node, &body, room: room)
    }
  }

  // MARK: The beginning (FUSE_INIT)

  /// FUSE_* flags of FUSE_INIT.
  private struct Flags: OptionSet {
    let rawValue: UInt32
    static let asyncRead = Flags(rawValue: 1 << 0)
    static let truncateInOpen = Flags(rawValue: 1 << 3)
    static let bigWrites = Flags(rawValue: 1 << 5)
    static let invalidateChangedData = Flags(rawValue: 1 << 12)
    static let readDirectoryPlus = Flags(rawValue: 1 << 13)
    static let readDirectoryPlusAuto = Flags(rawValue: 1 << 14)
    static let parallelDirectories = Flags(rawValue: 1 << 18)
    static let maximumPages = Flags(rawValue: 1 << 22)
    static let cacheSymbolicLinks = Flags(rawValue: 1 << 23)

    /// Not: locks of the host (a guest could hold them against others), look-ups of `..` (export support), a
    /// writeback cache (the guest would not see what the host changes), set-id handling here.
    static let spoken: Flags = [
      .asyncRead, .truncateInOpen, .bigWrites, .invalidateChangedData, .readDirectoryPlus,
      .readDirectoryPlusAuto,
      .parallelDirectories, .maximumPages, .cacheSymbolicLinks,
    ]
  }

  private mutating func initialize(_ body: inout FuseBody) throws(FuseError) -> [UInt8] {
    let (major, minor): (UInt32, UInt32) = (try body.next(), try body.next())
    let (readAhead, asked): (UInt32, UInt32) = (try body.next(), try body.next())
    guard major >= 7, major > 7 || minor >= Self.minorVersions.lowerBound else { throw .protocolFault }
    end()
    // A newer kernel begins again, with the version that this names.
    isReady = major == 7
    let flags = Flags(rawValue: asked).intersection(.spoken)
    var reply: [UInt8] = []
    reply.append(littleEndian: UInt32(7))
    reply.append(littleEndian: min(minor, Self.minorVersions.upperBound))
    reply.append(littleEndian: min(readAhead, UInt32(Self.transferLimit)))
    reply.append(littleEndian: flags.rawValue)
    // How many requests the kernel has under way in the background is left to it.
    reply.append(littleEndian: UInt32(0))
    reply.append(littleEndian: UInt32(Self.transferLimit))
    // Times are kept to the nanosecond.
    reply.append(littleEndian: UInt32(1))
    reply.append(littleEndian: UInt16(Self.transferLimit / 4096))
    return reply + [UInt8](repeating: 0, count: 64 - reply.count)
  }

  // MARK: Names

  private func answerEntry(
    _ operation: FuseOperation, _ parent: FuseNode, _ body: inout FuseBody
  ) throws(FuseError) -> [UInt8] {
    var reply: [UInt8] = []
    switch operation {
    case .lookUp:
      let name = try body.name()
      try body.end()
      reply.append(try folder.lookUp(name, in: parent))
    case .symbolicLink:
      let name = try body.name()
      let target = try body.target()
      try body.end()
      reply.append(try folder.make(.symbolicLink(target: target), name, in: parent))
    case .makeNode:
      let mode: UInt32 = try body.next()
      try body.skip(12)
      let name = try body.name()
      try body.end()
      // Named pipes, sockets and device nodes would be the host's programs' to stumble upon.
      guard FileKind.isRegular(mode) else { throw .notPermitted }
      reply.append(try folder.make(.file(mode: mode), name, in: parent))
    case .makeDirectory:
      let mode: UInt32 = try body.next()
      try body.skip(4)
      let name = try body.name()
      try body.end()
      reply.append(try folder.make(.directory(mode: mode), name, in: parent))
    case .link:
      let node = FuseNode(number: try body.next())
      let name = try body.name()
      try body.end()
      reply.append(try folder.link(node, name, in: parent))
    default:  // create
      let flags = OpenFlags(rawValue: try body.next())
      let mode: UInt32 = try body.next()
      try body.skip(8)
      let name = try body.name()
      try body.end()
      let (entry, opened) = try folder.create(
        name, in: parent, mode: mode, try flags.opening(), isExclusive: flags.contains(.exclusive))
      reply.append(entry)
      reply += FuseReply.opened(opened.handle, keepsCache: opened.keepsCache)
    }
    return reply
  }

  private func change(
    _ operation: FuseOperation, _ parent: FuseNode, _ body: inout FuseBody
  ) throws(FuseError) {
    guard operation == .rename || operation == .renameWithFlags else {
      let name = try body.name()
      try body.end()
      return try folder.remove(name, in: parent, isDirectory: operation == .removeDirectory)
    }
    let newParent = FuseNode(number: try body.next())
    var flags: UInt32 = 0
    if operation == .renameWithFlags {
      flags = try body.next()
      try body.skip(4)
    }
    let name = try body.name()
    let newName = try body.name()
    try body.end()
    // RENAME_NOREPLACE or RENAME_EXCHANGE: a whiteout is a device node.
    guard flags <= 2 else { throw .invalid }
    try folder.rename(name, in: parent, to: newName, in: newParent, flags: flags)
  }

  // MARK: Open files

  private func open(
    _ operation: FuseOperation, _ node: FuseNode, _ body: inout FuseBody
  ) throws(FuseError) -> [UInt8] {
    let flags = OpenFlags(rawValue: try body.next())
    try body.skip(4)
    try body.end()
    if operation == .openDirectory {
      return FuseReply.opened(try folder.openDirectory(node), keepsCache: false)
    }
    let opened = try folder.open(node, try flags.opening())
    return FuseReply.opened(opened.handle, keepsCache: opened.keepsCache)
  }

  private func answerHandle(
    _ operation: FuseOperation, _ node: FuseNode, _ body: inout FuseBody, room: Int
  ) throws(FuseError) -> [UInt8] {
    let handle = FuseHandle(number: try body.next())
    switch operation {
    case .release, .releaseDirectory:
      try body.skip(16)
      try body.end()
      folder.close(handle, of: node)
    case .readDirectory, .readDirectoryPlus:
      let position = try body.offset()
      let size: UInt32 = try body.next()
      try body.skip(20)
      try body.end()
      let limit = min(Int(size), room, Self.listLimit)
      var list = FuseDirectoryList(hasNodes: operation == .readDirectoryPlus, limit: limit)
      try folder.readDirectory(handle, of: node, from: position, into: &list)
      return list.bytes
    case .synchronize, .synchronizeDirectory:
      let flags: UInt32 = try body.next()
      try body.skip(4)
      try body.end()
      try folder.synchronize(handle, of: node, dataOnly: flags & 1 != 0)
    case .allocate:
      let (offset, count) = (try body.offset(), try body.offset())
      let mode: UInt32 = try body.next()
      try body.skip(4)
      try body.end()
      guard count > 0, offset <= Int64.max - count else { throw .invalid }
      guard mode & ~FuseAllocation.allowedModes == 0 else { throw .notSupported }
      try folder.allocate(
        handle, of: node, FuseAllocation(mode: Int32(mode), offset: offset, count: count))
    case .seek:
      let offset = try body.offset()
      let whence: UInt32 = try body.next()
      try body.skip(4)
      try body.end()
      // SEEK_DATA or SEEK_HOLE: the kernel does the others itself.
      guard whence == 3 || whence == 4 else { throw .invalid }
      var reply: [UInt8] = []
      let found = try folder.next(hole: whence == 4, from: offset, handle, of: node)
      reply.append(littleEndian: UInt64(bitPattern: found))
      return reply
    default: throw .notImplemented
    }
    return []
  }
}
