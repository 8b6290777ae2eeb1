import Platform

/// Numbers of virtio sockets (virtio 1.2, section 5.10).
enum Socket {
  static let headerSize: UInt32 = 44
  static let hostCID: UInt64 = 2
  /// Where in a header the fields are that differ from packet to packet.
  static let lengthPlace: UInt64 = 24
  static let operationPlace: UInt64 = 30
  static let forwardedPlace: UInt64 = 40
  /// The host's port at which somebody sends back what comes.
  static let echoPort: UInt32 = 1024

  enum Operation {
    static let request: UInt16 = 1
    static let response: UInt16 = 2
    static let reset: UInt16 = 3
    static let shutdown: UInt16 = 4
    static let data: UInt16 = 5
    static let creditUpdate: UInt16 = 6
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
