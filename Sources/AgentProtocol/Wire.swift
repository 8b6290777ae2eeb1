/// What host and guest agree on: docs/AGENT-PROTOCOL.md says it in words.
public enum Wire {
  public static let version: UInt8 = 1
  /// The vsock port: of the host for a machine's first session, of the guest for further ones.
  public static let port: UInt32 = 1024
  /// Bytes before each frame's payload.
  public static let headerSize = 4
  /// The longest payload, in bytes, but of start.
  public static let payloadLimit = 1 << 16
  /// The longest payload of start: about what Linux lets programs have, with the stack that they usually get.
  public static let startLimit = 1 << 21
  /// The longest frame.
  public static let frameLimit = headerSize + startLimit
  /// Bytes of standard input that may be under way, until the guest says that some have been taken.
  public static let inputWindow = 1 << 17
}

/// Frames from the host.
public enum HostKind: UInt8, Sendable {
  case hello = 0x01
  case setup = 0x02
  case start = 0x03
  case input = 0x04
  case inputEnd = 0x05
  case resize = 0x06
  case signal = 0x07
  case outputClosed = 0x08
}

/// Frames from the guest.
public enum GuestKind: UInt8, Sendable {
  case hello = 0x81
  case started = 0x82
  case output = 0x83
  case errorOutput = 0x84
  case inputTaken = 0x85
  case ended = 0x86
  case failed = 0x87
}

/// How a frame broke the protocol; the connection is of no use afterwards.
public enum ProtocolViolation: Error, Sendable, Equatable {
  case unknownFrame
  case frameTooLong
  /// The payload is longer or shorter than its kind allows.
  case badLength
  /// Of a kind that may not come now.
  case outOfOrder
  /// The other end speaks another version.
  case otherVersion
  /// A value that its field cannot have.
  case badValue
  /// More standard input than was asked for, or more taken than was sent.
  case overWindow
}

/// What stands before a payload: its kind, and its length in 24 bits, the lowest first.
public struct FrameHeader: Sendable, Equatable {
  public let kind: UInt8
  /// Bytes of payload, 0 to the limit of the kind.
  public let length: Int

  private var limit: Int { kind == HostKind.start.rawValue ? Wire.startLimit : Wire.payloadLimit }

  /// - Parameter length: must be within the limit.
  public init(kind: UInt8, length: Int) {
    self.kind = kind
    self.length = length
    precondition((0...limit).contains(length))
  }

  /// The header at `place`; nil where not all of it is there.
  public init?(_ bytes: Span<UInt8>, at place: Int) throws(ProtocolViolation) {
    guard bytes.count - place >= Wire.headerSize else { return nil }
    kind = bytes[place]
    length = Int(bytes[place + 1]) | Int(bytes[place + 2]) << 8 | Int(bytes[place + 3]) << 16
    guard length <= limit else { throw .frameTooLong }
  }

  /// Its bytes as one number, the first one lowest.
  public var word: UInt32 { UInt32(kind) | UInt32(truncatingIfNeeded: length) << 8 }
}

/// A frame of few bytes that fits into no more than itself.
public struct SmallFrame: Sendable {
  public private(set) var bytes = InlineArray<16, UInt8>(repeating: 0)
  public private(set) var count = Wire.headerSize

  init(_ kind: UInt8) { bytes[0] = kind }

  /// Appends the lowest `width` bytes of `value`, the lowest first.
  mutating func append(_ value: UInt32, width: Int) {
    for index in 0..<width {
      bytes[count] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(truncatingIfNeeded: index)))
      count += 1
    }
    bytes[1] = UInt8(truncatingIfNeeded: count - Wire.headerSize)
  }
}

extension Span where Element == UInt8 {
  /// Kind and payload of the frame that is there in whole at `place`, which is moved behind it; nil where none is.
  func frame<Kind: RawRepresentable<UInt8>>(
    of _: Kind.Type, from place: inout Int
  ) throws(ProtocolViolation) -> (Kind, Range<Int>)? {
    guard let header = try FrameHeader(self, at: place) else { return nil }
    // Not after its payload, which there may be no room for.
    guard let kind = Kind(rawValue: header.kind) else { throw .unknownFrame }
    let first = place + Wire.headerSize
    guard count - first >= header.length else { return nil }
    place = first + header.length
    return (kind, first..<place)
  }

  /// The number in `width` bytes at `place`, the lowest first.
  func number(at place: Int, width: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<width { value |= UInt64(self[place + index]) << (8 * UInt64(index)) }
    return value
  }
}
