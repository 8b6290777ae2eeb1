import Platform

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
