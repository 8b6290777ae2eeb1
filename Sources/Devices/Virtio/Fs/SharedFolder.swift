public import GuestMemory
public import LinuxSystem

/// A file or directory that the guest's kernel knows; any number may come from a driver.
public struct FuseNode: Hashable, Sendable {
  public let number: UInt64
  /// The shared directory itself (FUSE_ROOT_ID).
  public static let root = FuseNode(number: 1)
  public init(number: UInt64) { self.number = number }
}

/// An open file or directory; any number may come from a driver.
public struct FuseHandle: Hashable, Sendable {
  public let number: UInt64
  public init(number: UInt64) { self.number = number }
}

/// A node the guest is told of: it counts as looked up once more until it is forgotten.
public struct FuseEntry: Sendable {
  public let node: FuseNode
  public let details: FileDetails
  public init(node: FuseNode, details: FileDetails) {
    self.node = node
    self.details = details
  }
}

/// What a file is opened for.
public struct FuseOpening: Sendable, Equatable {
  public var reads = true
  public var writes = false
  public var truncates = false
  public var appends = false
  /// Each write is on stable storage before it is answered (O_SYNC).
  public var isSynchronous = false
  /// O_DSYNC.
  public var isDataSynchronous = false
  public init() {}
}

public struct FuseOpened: Sendable {
  public let handle: FuseHandle
  /// Nothing was written since the guest opened the file last: what its kernel has cached is good.
  public let keepsCache: Bool
  public init(handle: FuseHandle, keepsCache: Bool) {
    self.handle = handle
    self.keepsCache = keepsCache
  }
}

/// What SETATTR changes; nil stays.
public struct FuseChange: Sendable, Equatable {
  public var handle: FuseHandle?
  public var mode: UInt32?
  public var owner: UInt32?
  public var group: UInt32?
  public var size: UInt64?
  public var accessed = FileDescriptor.NewTime.unchanged
  public var modified = FileDescriptor.NewTime.unchanged
  public init() {}
}

/// What a new entry of a directory is.
public enum FuseNewEntry: Sendable, Equatable {
  case file(mode: UInt32)
  case directory(mode: UInt32)
  case symbolicLink(target: [UInt8])
}

/// What is done with the range of a file (fallocate(2)).
public struct FuseAllocation: Sendable, Equatable {
  /// FALLOC_FL_*, each allowed by ``allowedModes``.
  public let mode: Int32
  public let offset: Int64
  public let count: Int64

  /// KEEP_SIZE, PUNCH_HOLE and ZERO_RANGE: no others are passed on.
  static let allowedModes: UInt32 = 0x01 | 0x02 | 0x10
}

/// A directory tree that a guest works in. Belongs to the I/O thread.
///
/// Node and handle numbers are the guest's word: the folder checks that they are its own.
public protocol SharedFolder: AnyObject {
  /// Forgets every node and closes every handle: a file system is mounted or unmounted, or the device reset.
  func beginSession()

  // Nodes.
  func lookUp(_ name: FileName, in parent: FuseNode) throws(FuseError) -> FuseEntry
  /// The guest drops `count` of the times it was told of the node.
  func forget(_ node: FuseNode, count: UInt64)
  func details(of node: FuseNode) throws(FuseError) -> FileDetails
  func change(_ node: FuseNode, _ change: FuseChange) throws(FuseError) -> FileDetails
  func linkTarget(of node: FuseNode) throws(FuseError) -> [UInt8]
  func fileSystemStatus() throws(FuseError) -> FileSystemStatus

  // Entries of directories.
  func make(_ entry: FuseNewEntry, _ name: FileName, in parent: FuseNode) throws(FuseError) -> FuseEntry
  func link(_ node: FuseNode, _ name: FileName, in parent: FuseNode) throws(FuseError) -> FuseEntry
  func remove(_ name: FileName, in parent: FuseNode, isDirectory: Bool) throws(FuseError)
  /// - Parameter flags: RENAME_NOREPLACE or RENAME_EXCHANGE (renameat2(2)), or 0.
  func rename(
    _ name: FileName, in parent: FuseNode, to newName: FileName, in newParent: FuseNode, flags: UInt32
  ) throws(FuseError)

  // Open files.
  func open(_ node: FuseNode, _ opening: FuseOpening) throws(FuseError) -> FuseOpened
  /// - Parameter isExclusive: fails where the name exists.
  func create(
    _ name: FileName, in parent: FuseNode, mode: UInt32, _ opening: FuseOpening, isExclusive: Bool
  ) throws(FuseError) -> (FuseEntry, FuseOpened)
  func openDirectory(_ node: FuseNode) throws(FuseError) -> FuseHandle
  func close(_ handle: FuseHandle, of node: FuseNode)
  /// Fills `slices` in order from the bytes at `offset`; returns fewer at the end of the file.
  func read(
    _ handle: FuseHandle, of node: FuseNode, at offset: Int64, into slices: [GuestSlice],
    of memory: GuestMemory
  ) throws(FuseError) -> Int
  /// Writes the bytes of `slices` in order to `offset`, or to the end of a file opened to append; returns how many.
  func write(
    _ handle: FuseHandle, of node: FuseNode, at offset: Int64, _ slices: [GuestSlice], of memory: GuestMemory
  ) throws(FuseError) -> Int
  /// Appends entries from `position` on, 0 or one that an entry was given with, until the list is full.
  func readDirectory(
    _ handle: FuseHandle, of node: FuseNode, from position: Int64, into list: inout FuseDirectoryList
  ) throws(FuseError)
  func synchronize(_ handle: FuseHandle, of node: FuseNode, dataOnly: Bool) throws(FuseError)
  func allocate(_ handle: FuseHandle, of node: FuseNode, _ allocation: FuseAllocation) throws(FuseError)
  /// Where data, or a hole, begins from `offset` on.
  func next(
    hole: Bool, from offset: Int64, _ handle: FuseHandle, of node: FuseNode
  ) throws(FuseError) -> Int64
}
