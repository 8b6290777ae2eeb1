/// What a disk shows of itself: features and configuration fields (virtio 1.2, 5.2.3 and 5.2.4).
struct BlockLayout {
  /// VIRTIO_BLK_F_*.
  enum Feature {
    static let maximumSegments = Features(rawValue: 1 << 2)
    static let readOnly = Features(rawValue: 1 << 5)
    static let blockSize = Features(rawValue: 1 << 6)
    static let flush = Features(rawValue: 1 << 9)
    static let manyQueues = Features(rawValue: 1 << 12)
    static let discard = Features(rawValue: 1 << 13)
    static let writeZeroes = Features(rawValue: 1 << 14)
  }

  static let sectorSize: UInt64 = 512
  static let queueSize: UInt16 = 128
  /// A chain as long as the queue, less the request's header and status.
  static let maximumSegments = UInt32(queueSize) - 2
  /// Ranges of a discard request, and sectors of each: a hole of that size is made in little time.
  static let discardSegments = 32
  static let discardSectors: UInt32 = (256 << 20) / 512
  /// Sectors of the one range of a write zeroes request: where the host can do no better, so much is written.
  static let zeroSectors: UInt32 = (16 << 20) / 512

  let features: Features
  let fields: [UInt8]

  /// Sectors of 512 bytes are what a driver assumes without BLK_SIZE, and a feature less to read costs it less.
  init(_ store: any BlockStore, queues: Int) {
    var features: Features = [Feature.maximumSegments, Feature.flush]
    if store.blockSize != UInt32(Self.sectorSize) { features.insert(Feature.blockSize) }
    if queues > 1 { features.insert(Feature.manyQueues) }
    features.insert(store.isReadOnly ? Feature.readOnly : [Feature.discard, Feature.writeZeroes])
    self.features = features
    fields = Self.fields(store, queues: queues)
  }

  /// What needs a feature that is not offered may hold anything.
  private static func fields(_ store: any BlockStore, queues: Int) -> [UInt8] {
    var bytes = capacity(store)
    bytes.append(littleEndian: UInt32(0))  // size_max
    bytes.append(littleEndian: maximumSegments)
    bytes.append(littleEndian: UInt32(0))  // geometry
    bytes.append(littleEndian: store.blockSize)
    bytes.append(littleEndian: UInt64(0))  // topology
    bytes.append(littleEndian: UInt16(0))  // writeback, unused
    bytes.append(littleEndian: UInt16(queues))
    bytes.append(littleEndian: discardSectors)
    bytes.append(littleEndian: UInt32(discardSegments))
    bytes.append(littleEndian: store.blockSize / UInt32(sectorSize))  // discard_sector_alignment
    bytes.append(littleEndian: zeroSectors)
    bytes.append(littleEndian: UInt32(1))  // max_write_zeroes_seg
    bytes.append(littleEndian: UInt32(1))  // write_zeroes_may_unmap, unused
    return bytes
  }

  /// The first field.
  static func capacity(_ store: any BlockStore) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: store.sectorCount)
    return bytes
  }
}
