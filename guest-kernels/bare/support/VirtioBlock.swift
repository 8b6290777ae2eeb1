import Platform

/// Block device numbers (virtio 1.2, section 5.2).
enum Block {
  static let sectorSize: UInt64 = 512

  enum FeatureBit {
    static let readOnly: UInt64 = 1 << 5
    static let flush: UInt64 = 1 << 9
    static let queues: UInt64 = 1 << 12
  }

  enum Request {
    static let read: UInt32 = 0
    static let write: UInt32 = 1
    static let flush: UInt32 = 4
    static let getID: UInt32 = 8
  }

  enum Result {
    static let ok: UInt8 = 0
    static let ioError: UInt8 = 1
    static let unsupported: UInt8 = 2
    /// Not a value of the specification: the device never wrote its answer.
    static let none: UInt8 = 0xee
  }
}

/// A block device with its queue, one request at a time.
struct BlockDriver {
  static let queueSize: UInt16 = 16

  let device: VirtioDevice
  let features: UInt64
  var queue: VirtioQueue
  /// The request's header, and the byte for its result.
  let header: UInt64
  let result: UInt64

  /// Brings the device up. nil when it does not come up.
  init?(_ device: VirtioDevice, wanted: UInt64) {
    let own = Block.FeatureBit.readOnly | Block.FeatureBit.flush
    guard let agreed = device.negotiate(wanted | own) else { return nil }
    self.device = device
    features = agreed
    queue = VirtioQueue(0, size: BlockDriver.queueSize, features: agreed)
    header = Arena.take(16)
    result = Arena.take(1)
    guard device.attach(queue) else { return nil }
    device.run()
  }

  var isReadOnly: Bool { features & Block.FeatureBit.readOnly != 0 }

  var capacity: UInt64 {
    UInt64(device.read(Register.config)) | UInt64(device.read(Register.config + 4)) << 32
  }

  /// One request with a single data buffer (none when `length` is 0). Returns the result byte.
  mutating func request(_ type: UInt32, _ sector: UInt64, _ data: UInt64, _ length: UInt32) -> UInt8 {
    begin(type, sector)
    if length > 0 { queue.add(data, length, writable: type != Block.Request.write) }
    return finish()
  }

  /// The parts of a request: `begin`, any number of `queue.add`, `finish`.
  mutating func begin(_ type: UInt32, _ sector: UInt64, indirect: Bool = false) {
    store32(header, type)
    store32(header &+ 4, 0)
    store64(header &+ 8, sector)
    store8(result, Block.Result.none)
    queue.begin(indirect: indirect)
    queue.add(header, 16)
  }

  mutating func finish() -> UInt8 {
    queue.add(result, 1, writable: true)
    return queue.complete(device) == nil ? Block.Result.none : load8(result)
  }
}
