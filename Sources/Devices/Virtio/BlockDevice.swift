public import GuestMemory

/// A store could not read, write or flush. The guest sees an I/O error; why is for the store to tell its user.
public struct BlockStoreFailure: Error, Sendable {
  public init() {}
}

/// What holds a disk's contents.
public protocol BlockStore: AnyObject {
  /// Length in sectors of 512 bytes.
  var sectorCount: UInt64 { get }
  var isReadOnly: Bool { get }
  /// What GET_ID answers; the first 20 bytes count.
  var serialNumber: String { get }

  /// Fills `slices` in order from the bytes at `offset`; the range lies inside the disk.
  func read(into slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64) throws(BlockStoreFailure)

  /// Writes the bytes of `slices` in order to `offset`; the range lies inside the disk.
  func write(_ slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64) throws(BlockStoreFailure)

  /// Returns when everything written is on stable storage.
  func flush() throws(BlockStoreFailure)
}

/// A disk (virtio 1.2, section 5.2). Belongs to the I/O thread.
public final class BlockDevice: VirtioDevice {
  /// VIRTIO_BLK_F_*.
  private enum Feature {
    static let maximumSegments = Features(rawValue: 1 << 2)
    static let readOnly = Features(rawValue: 1 << 5)
    static let flush = Features(rawValue: 1 << 9)
  }

  static let sectorSize: UInt64 = 512
  private static let queueSize: UInt16 = 128
  /// A chain as long as the queue, less the request's header and status.
  private static let maximumSegments = UInt32(queueSize) - 2
  /// No driver asks for more at once, and one that does may not keep the thread: longer requests fail.
  private static let maximumTransfer = 64 << 20
  /// The bytes one call to `process` moves before others have their turn.
  private static let transferLimit = 16 << 20
  private static let serialNumberLength = 20

  public let identity: VirtioIdentity
  private let store: any BlockStore
  private var activation: VirtioActivation?
  private var slices: [GuestSlice] = []

  public init(store: any BlockStore) {
    self.store = store
    // Sectors of 512 bytes are what a driver assumes without BLK_SIZE, and a feature less to read costs it less.
    var features: Features = [Feature.maximumSegments, Feature.flush]
    if store.isReadOnly { features.insert(Feature.readOnly) }
    identity = VirtioIdentity(
      name: "block", deviceID: 2, features: features, queueSizes: [Self.queueSize],
      configuration: ConfigurationSpace(Self.fields(store)))
  }

  /// capacity, size_max, seg_max, geometry, blk_size (5.2.4); what needs a feature not offered is 0.
  private static func fields(_ store: any BlockStore) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: store.sectorCount)
    bytes.append(littleEndian: UInt32(0))
    bytes.append(littleEndian: maximumSegments)
    bytes.append(littleEndian: UInt32(0))
    bytes.append(littleEndian: UInt32(0))
    return bytes
  }

  public func activate(_ activation: VirtioActivation) { self.activation = activation }

  public func reset() { activation = nil }

  public func process(queue: Int) -> Bool {
    guard queue == 0, let activation, let ring = activation.queues[0] else { return false }
    var budget = Self.transferLimit
    let stop = ring.serve { chain throws(DriverViolation) in
      guard budget > 0 else { return .later }
      // The status byte is the last writable one.
      guard chain.writableCount >= 1 else { throw .requestLayout }
      var input = ChainCursor(readable: chain)
      var output = ChainCursor(writable: chain)
      let (status, written) = perform(&input, &output, activation)
      budget -= max(chain.readableCount, chain.writableCount)
      var last = ChainCursor(writable: chain)
      last.skip(chain.writableCount - 1)
      _ = last.write([status.rawValue], to: activation.memory)
      return .used(UInt32(written + 1))
    }
    return stop == .limit || stop == .later
  }

  /// Does a request.
  /// - Returns: Its status and the bytes written into the data part of `output`.
  private func perform(
    _ input: inout ChainCursor, _ output: inout ChainCursor, _ activation: VirtioActivation
  ) -> (BlockRequest.Status, written: Int) {
    guard let request = BlockRequest(&input, activation.memory) else { return (.ioError, 0) }
    let room = output.remaining - 1
    do throws(BlockStoreFailure) {
      switch request.kind {
      case .read:
        let offset = try byteOffset(request.sector, count: room)
        slices.removeAll(keepingCapacity: true)
        output.take(room, into: &slices)
        try store.read(into: slices, of: activation.memory, at: offset)
        return (.ok, room)
      case .write:
        guard !store.isReadOnly else { return (.ioError, 0) }
        let offset = try byteOffset(request.sector, count: input.remaining)
        slices.removeAll(keepingCapacity: true)
        input.take(input.remaining, into: &slices)
        try store.write(slices, of: activation.memory, at: offset)
        // A driver without FLUSH takes every write for stable once it is done (5.2.6.2).
        if !activation.features.contains(Feature.flush) { try store.flush() }
        return (.ok, 0)
      case .flush:
        try store.flush()
        return (.ok, 0)
      case .getIdentity:
        var serial = Array(store.serialNumber.utf8.prefix(Self.serialNumberLength))
        serial += [UInt8](repeating: 0, count: Self.serialNumberLength - serial.count)
        return (.ok, output.write(Array(serial.prefix(room)), to: activation.memory))
      case nil:
        return (.unsupported, 0)
      }
    } catch {
      return (.ioError, 0)
    }
  }

  /// Where a transfer begins, checked to be whole sectors inside the disk.
  private func byteOffset(_ sector: UInt64, count: Int) throws(BlockStoreFailure) -> UInt64 {
    guard count <= Self.maximumTransfer, count % Int(Self.sectorSize) == 0 else { throw BlockStoreFailure() }
    let sectors = UInt64(count) / Self.sectorSize
    guard sector <= store.sectorCount, sectors <= store.sectorCount - sector else {
      throw BlockStoreFailure()
    }
    return sector * Self.sectorSize
  }
}

/// The header of a request (virtio 1.2, 5.2.6).
struct BlockRequest {
  enum Kind: UInt32 {
    case read = 0
    case write = 1
    case flush = 4
    case getIdentity = 8
  }

  enum Status: UInt8 {
    case ok = 0
    case ioError = 1
    case unsupported = 2
  }

  private static let headerLength = 16

  /// Nil for a kind that is unknown here.
  let kind: Kind?
  /// In units of 512 bytes.
  let sector: UInt64

  /// Nil if the readable part is too short for a header.
  init?(_ input: inout ChainCursor, _ memory: GuestMemory) {
    let header = input.read(Self.headerLength, from: memory)
    guard header.count == Self.headerLength else { return nil }
    kind = Kind(rawValue: header[0..<4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
    sector = header[8..<16].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
