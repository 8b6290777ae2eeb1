/// What stands before every frame in a queue (virtio 1.2, 5.1.6), and in a tap's reads and writes.
public struct NetHeader: Sendable, Equatable {
  /// Its length in bytes.
  public static let size = 12

  private static let needsChecksum: UInt8 = 1
  private static let dataValid: UInt8 = 2
  private static let congestionBit: UInt8 = 0x80
  private static let ethernetHeader = 14

  public private(set) var flags: UInt8 = 0
  public private(set) var segmentKind: UInt8 = 0
  /// Bytes of all headers, to be copied into each segment; a hint.
  public private(set) var headerLength: UInt16 = 0
  /// Bytes of data in each segment.
  public private(set) var segmentSize: UInt16 = 0
  public private(set) var checksumStart: UInt16 = 0
  public private(set) var checksumOffset: UInt16 = 0
  /// Receive buffers that a frame takes.
  var bufferCount: UInt16 = 0

  /// Of a frame that nothing is left to do for.
  public init() {}

  public init(_ bytes: InlineArray<12, UInt8>) {
    func half(_ place: Int) -> UInt16 { UInt16(bytes[place]) | UInt16(bytes[place + 1]) << 8 }
    flags = bytes[0]
    segmentKind = bytes[1]
    headerLength = half(2)
    segmentSize = half(4)
    checksumStart = half(6)
    checksumOffset = half(8)
    bufferCount = half(10)
  }

  public var encoded: InlineArray<12, UInt8> {
    var bytes = InlineArray<12, UInt8>(repeating: 0)
    bytes[0] = flags
    bytes[1] = segmentKind
    for (index, half) in [
      headerLength, segmentSize, checksumStart, checksumOffset, bufferCount,
    ].enumerated() {
      bytes[2 + 2 * index] = UInt8(truncatingIfNeeded: half)
      bytes[3 + 2 * index] = UInt8(truncatingIfNeeded: half >> 8)
    }
    return bytes
  }

  /// The offload that a kind of segment is; nil for what is none here.
  private static func offload(_ kind: UInt8) -> NetOffloads? {
    switch kind {
    case 1: .tcp4Segments
    case 4: .tcp6Segments
    default: nil
    }
  }

  /// The header as the host may see it, for a frame of `frameLength` bytes: nothing in it that has no meaning, every
  /// place inside the frame. Nil where the driver asks for what was not agreed on, or for what cannot be (5.1.6.2.1).
  func checked(frameLength: Int, agreed: NetOffloads) -> NetHeader? {
    var result = NetHeader()
    // Flags that are not known are to be ignored.
    if flags & Self.needsChecksum != 0 {
      guard agreed.contains(.checksum), Int(checksumStart) >= Self.ethernetHeader,
        Int(checksumStart) + Int(checksumOffset) + 2 <= frameLength
      else { return nil }
      result.flags = Self.needsChecksum
      result.checksumStart = checksumStart
      result.checksumOffset = checksumOffset
    }
    guard segmentKind != 0 else { return result }
    guard let offload = Self.offload(segmentKind & ~Self.congestionBit), agreed.contains(offload),
      segmentKind & Self.congestionBit == 0 || agreed.contains(.congestionBits),
      result.flags & Self.needsChecksum != 0, segmentSize > 0
    else { return nil }
    result.segmentKind = segmentKind
    result.segmentSize = segmentSize
    result.headerLength = UInt16(clamping: min(Int(headerLength), frameLength))
    return result
  }

  /// The header as the driver may see it: without what was not agreed on (5.1.6.4.1).
  func toGuest(agreed: NetOffloads, buffers: UInt16) -> NetHeader {
    var result = self
    result.bufferCount = buffers
    guard agreed.contains(.checksum) else {
      result = NetHeader()
      result.bufferCount = buffers
      return result
    }
    result.flags &= Self.needsChecksum | Self.dataValid
    return result
  }
}
