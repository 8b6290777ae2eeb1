import Platform

/// Numbers of virtio sockets (virtio 1.2, section 5.10).
enum Socket {
  static let headerSize: UInt32 = 44
  static let hostCID: UInt64 = 2
  /// The host's port at which somebody sends back what comes.
  static let echoPort: UInt32 = 1024

  enum Operation {
    static let request: UInt16 = 1
    static let response: UInt16 = 2
    static let reset: UInt16 = 3
    static let shutdown: UInt16 = 4
    static let data: UInt16 = 5
  }
}

/// The header of a packet between the guest and the host's echo port.
struct SocketHeader {
  var sourceCID: UInt64
  var destinationCID = Socket.hostCID
  var sourcePort: UInt32
  var destinationPort = Socket.echoPort
  var length: UInt32 = 0
  var type: UInt16 = 1
  var operation: UInt16
  var flags: UInt32 = 0
  var allocation: UInt32 = 0x1_0000
  var forwarded: UInt32 = 0

  init(_ device: VirtioDevice, _ operation: UInt16, from port: UInt32) {
    sourceCID = UInt64(device.read(Register.config))
    sourcePort = port
    self.operation = operation
  }

  func write(_ writer: inout Writer) {
    writer.put(sourceCID)
    writer.put(destinationCID)
    writer.put(sourcePort)
    writer.put(destinationPort)
    writer.put(length)
    writer.put(type)
    writer.put(operation)
    writer.put(flags)
    writer.put(allocation)
    writer.put(forwarded)
  }
}

/// Numbers of FUSE as virtio-fs speaks it (linux/fuse.h).
enum Fuse {
  static let headerSize: UInt32 = 40
  static let answerHeaderSize: UInt32 = 16

  enum Operation {
    static let setAttributes: UInt32 = 4
    static let unlink: UInt32 = 10
    static let read: UInt32 = 15
    static let write: UInt32 = 16
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

/// Numbers of a console's control messages (virtio 1.2, 5.3.6.2).
enum Control {
  static let receive = 2
  static let transmit = 3
  static let deviceReady: UInt16 = 0
  static let portAdd: UInt16 = 1

  static func message(_ writer: inout Writer, _ event: UInt16, port: UInt32, _ value: UInt16) {
    writer.put(port)
    writer.put(event)
    writer.put(value)
  }
}

enum Network {
  static let headerSize: UInt32 = 12
  static let frameTypePlace: UInt64 = 12
  static let addressResolution: UInt16 = 0x0608  // 0x0806 as the bytes lie

  /// Who has 10.0.2.2? Tell 10.0.2.15: with its header for the queue.
  static func question(_ writer: inout Writer) {
    writer.put(UInt64(0))
    writer.put(UInt32(0))
    writer.put(UInt32(0xffff_ffff))
    writer.put(UInt16(0xffff))
    source(&writer)
    writer.put(addressResolution)
    writer.put(UInt32(0x0008_0100))  // Ethernet, IPv4
    writer.put(UInt32(0x0100_0406))  // 6 and 4 bytes, a question
    source(&writer)
    writer.put(UInt32(0x0f02_000a))
    writer.put(UInt32(0))
    writer.put(UInt16(0))
    writer.put(UInt32(0x0202_000a))
  }

  private static func source(_ writer: inout Writer) {
    writer.put(UInt32(0x0000_0002))
    writer.put(UInt16(0x0100))
  }
}
