import GuestMemory

/// The header of every packet (virtio 1.2, 5.10.6).
struct VsockHeader: Equatable {
  /// Bytes before the data.
  static let size = 44
  /// VIRTIO_VSOCK_TYPE_STREAM.
  static let stream: UInt16 = 1
  /// The well-known address of the host (5.10.4).
  static let hostCID: UInt64 = 2

  /// VIRTIO_VSOCK_OP_*; any number may come from a driver.
  struct Operation: Equatable {
    let rawValue: UInt16
    static let request = Operation(rawValue: 1)
    static let response = Operation(rawValue: 2)
    static let reset = Operation(rawValue: 3)
    static let shutdown = Operation(rawValue: 4)
    static let data = Operation(rawValue: 5)
    static let creditUpdate = Operation(rawValue: 6)
    static let creditRequest = Operation(rawValue: 7)
  }

  /// VIRTIO_VSOCK_SHUTDOWN_*: what the sender of the packet will not do any more.
  struct Shutdown: OptionSet {
    let rawValue: UInt32
    static let receive = Shutdown(rawValue: 1)
    static let send = Shutdown(rawValue: 2)
    static let both: Shutdown = [.receive, .send]
  }

  var sourceCID: UInt64
  var destinationCID: UInt64
  var sourcePort: UInt32
  var destinationPort: UInt32
  /// Bytes of data after the header.
  var length: UInt32 = 0
  var type = VsockHeader.stream
  var operation: Operation
  var flags: UInt32 = 0
  /// The sender's receive buffer, in bytes.
  var bufferAllocation: UInt32 = 0
  /// All bytes that have left that buffer since the connection began, modulo 2^32.
  var forwardCount: UInt32 = 0
}

extension VsockHeader {
  /// Takes the header off the front of a packet; nil where the packet is shorter.
  init?(_ cursor: inout ChainCursor, _ memory: GuestMemory) {
    var bytes = InlineArray<44, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    guard cursor.read(into: &span, from: memory) == Self.size else { return nil }
    var reader = FieldReader(bytes)
    sourceCID = reader.next()
    destinationCID = reader.next()
    sourcePort = reader.next()
    destinationPort = reader.next()
    length = reader.next()
    type = reader.next()
    operation = Operation(rawValue: reader.next())
    flags = reader.next()
    bufferAllocation = reader.next()
    forwardCount = reader.next()
  }

  /// As it goes into a packet.
  var encoded: InlineArray<44, UInt8> {
    var writer = FieldWriter<44>()
    writer.put(sourceCID)
    writer.put(destinationCID)
    writer.put(sourcePort)
    writer.put(destinationPort)
    writer.put(length)
    writer.put(type)
    writer.put(operation.rawValue)
    writer.put(flags)
    writer.put(bufferAllocation)
    writer.put(forwardCount)
    return writer.bytes
  }
}
