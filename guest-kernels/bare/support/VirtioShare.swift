import Platform

/// Numbers of FUSE (linux/fuse.h) as virtio-fs speaks it.
enum Fuse {
  static let headerSize: UInt32 = 40
  static let answerHeaderSize: UInt32 = 16

  enum Operation {
    static let lookUp: UInt32 = 1
    static let getAttributes: UInt32 = 3
    static let setAttributes: UInt32 = 4
    static let unlink: UInt32 = 10
    static let open: UInt32 = 14
    static let read: UInt32 = 15
    static let write: UInt32 = 16
    static let release: UInt32 = 18
    static let initialize: UInt32 = 26
    static let create: UInt32 = 35
    static let allocate: UInt32 = 43
  }

  /// Writes a header; its length is set when that is known.
  static func header(_ writer: inout Writer, _ operation: UInt32, _ node: UInt64) {
    writer.put(UInt32(0))
    writer.put(operation)
    writer.put(UInt64(1))  // unique
    writer.put(node)
    writer.put(UInt64(0))  // user and group
    writer.put(UInt64(0))  // process, extensions
  }

  /// What begins a session.
  static func initialize(_ writer: inout Writer) {
    header(&writer, Operation.initialize, 0)
    writer.put(UInt32(7))
    writer.put(UInt32(31))
    writer.put(UInt64(0))  // read-ahead, flags
  }
}

/// A shared directory with its request queue, one request at a time (virtio 1.2, section 5.11).
struct ShareDriver {
  /// The directory itself.
  static let root: UInt64 = 1
  /// Bytes of the longest request without its data, and of the longest answer without what was read.
  private static let room: UInt32 = 256

  private let device: VirtioDevice
  private var queue: VirtioQueue
  private let message: UInt64
  private let reply: UInt64
  private var count: UInt32 = 0

  /// What the last answer has behind its header.
  var answer: UInt64 { reply &+ UInt64(Fuse.answerHeaderSize) }

  /// Brings the device up and begins a session. nil when it does not come up.
  init?(_ device: VirtioDevice, wanted: UInt64) {
    guard let features = device.negotiate(wanted) else { return nil }
    self.device = device
    let urgent = VirtioQueue(0, size: 4, features: features)
    queue = VirtioQueue(1, size: 4, features: features)
    message = Arena.take(UInt64(ShareDriver.room))
    reply = Arena.take(UInt64(ShareDriver.room))
    guard device.attach(urgent), device.attach(queue) else { return nil }
    device.run()
    var writer = Writer(at: message)
    Fuse.initialize(&writer)
    finish(writer)
    if !send() { return nil }
  }

  /// Writes a request down, of which `body` writes what is behind the header.
  mutating func prepare(_ operation: UInt32, _ node: UInt64, _ body: (inout Writer) -> Void) {
    var writer = Writer(at: message)
    Fuse.header(&writer, operation, node)
    body(&writer)
    finish(writer)
  }

  private mutating func finish(_ writer: Writer) {
    count = writer.count
    store32(message, count)
  }

  /// Sends the request that was written down last, as often as it is wanted; false where it fails.
  mutating func send() -> Bool {
    queue.begin()
    queue.add(message, count)
    queue.add(reply, ShareDriver.room, writable: true)
    return isDone()
  }

  /// Writes down that so many bytes of an open file are to be read or written.
  mutating func prepareTransfer(_ operation: UInt32, _ node: UInt64, handle: UInt64, _ length: UInt32) {
    prepare(operation, node) { writer in
      writer.put(handle)
      writer.put(UInt64(0))  // offset
      writer.put(length)
      for _ in 0..<5 { writer.put(UInt32(0)) }
    }
    if operation == Fuse.Operation.write { store32(message, count &+ length) }
  }

  /// Reads what was written down, from `offset` into `data`; false where it fails, or is less.
  mutating func read(at offset: UInt64, _ data: UInt64, _ length: UInt32) -> Bool {
    beginTransfer(at: offset)
    queue.add(reply, Fuse.answerHeaderSize, writable: true)
    queue.add(data, length, writable: true)
    return isDone() && load32(reply) == Fuse.answerHeaderSize &+ length
  }

  /// Writes what was written down, from `data` to `offset`; false where it fails, or is less.
  mutating func write(at offset: UInt64, _ data: UInt64, _ length: UInt32) -> Bool {
    beginTransfer(at: offset)
    queue.add(data, length)
    queue.add(reply, ShareDriver.room, writable: true)
    return isDone() && load32(answer) == length
  }

  private mutating func beginTransfer(at offset: UInt64) {
    store64(message &+ UInt64(Fuse.headerSize) &+ 8, offset)  // behind the handle
    queue.begin()
    queue.add(message, count)
  }

  private mutating func isDone() -> Bool {
    store32(reply &+ 4, ~0)
    return queue.complete(device) != nil && load32(reply &+ 4) == 0
  }
}
