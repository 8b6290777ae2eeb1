public import GuestMemory

/// What became of an operation on a store.
public enum BlockOutcome: Sendable, Equatable {
  case done
  /// The guest sees an I/O error; why is for the store to tell its user.
  case failed
  /// The store has no such operation.
  case unsupported
  /// It goes on: `BlockStoreClient.finished` tells how it ended.
  case pending
  /// Nothing was begun, because too much is going on: to be tried again when something has finished.
  case busy
}

public enum BlockTransfer: Sendable, Equatable {
  case read
  case write
  /// A write that is done when it is on stable storage.
  case stableWrite
}

/// Who is told of pending operations' ends.
public protocol BlockStoreClient: AnyObject {
  /// - Parameter outcome: `done` or `failed`.
  func finished(_ ticket: UInt64, _ outcome: BlockOutcome)
}

/// What holds a disk's contents. Belongs to the I/O thread.
///
/// Offsets and counts are in bytes, multiples of 512, and lie inside the disk.
public protocol BlockStore: AnyObject {
  /// Length in sectors of 512 bytes. It may grow.
  var sectorCount: UInt64 { get }
  /// Bytes of the blocks that transfers should be made of: 512, or a larger power of two.
  var blockSize: UInt32 { get }
  var isReadOnly: Bool { get }
  /// What GET_ID answers; the first 20 bytes count.
  var serialNumber: String { get }
  var client: (any BlockStoreClient)? { get set }

  /// Moves the bytes between `slices`, in order, and the disk at `offset`.
  /// - Parameter ticket: names the operation where it is left pending.
  func transfer(
    _ kind: BlockTransfer, _ slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64, ticket: UInt64
  ) -> BlockOutcome

  /// Brings everything whose write has finished to stable storage.
  func flush(ticket: UInt64) -> BlockOutcome

  /// The range's contents are no longer needed: what it reads as from then on is anything. Never pending.
  func discard(at offset: UInt64, count: UInt64) -> BlockOutcome

  /// The range reads as zeros from then on; `mayUnmap` where it need not take space. Never pending.
  func writeZeroes(at offset: UInt64, count: UInt64, mayUnmap: Bool) -> BlockOutcome

  /// What was left pending may begin: called after a number of operations.
  func submit()

  /// Waits for all that is pending and tells nobody.
  func settle()
}
