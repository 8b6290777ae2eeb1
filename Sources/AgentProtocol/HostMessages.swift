/// What the host asks of the guest. Ranges and places are in the bytes that the message was found in.
public enum HostMessage: Sendable, Equatable {
  case setup(SetupRequest)
  case start(StartRequest)
  case input(Range<Int>)
  case inputEnd
  case resize(WindowSize)
  /// 1 to 64.
  case signal(UInt8)
  /// Nobody reads what is sent as ``GuestKind/output`` or ``GuestKind/errorOutput`` any more.
  case outputClosed(GuestKind)
}

/// A terminal's size in characters.
public struct WindowSize: Sendable, Equatable {
  public let columns: UInt16
  public let rows: UInt16

  public init(columns: UInt16, rows: UInt16) {
    self.columns = columns
    self.rows = rows
  }
}

/// Takes apart what a host sends in one session, and keeps it to the order of the protocol.
public struct HostMessages: Sendable {
  private enum Stage { case hello, setup, start, running }

  private var stage = Stage.hello
  private let expectsSetup: Bool
  private var inputEnded = false
  /// Bytes of input that the host may still send.
  private var window = Wire.inputWindow

  /// - Parameter expectsSetup: whether this is a machine's first session.
  public init(expectsSetup: Bool) { self.expectsSetup = expectsSetup }

  /// The next message that is there in whole from `place` on, which is moved behind it; nil where none is.
  public mutating func next(_ bytes: Span<UInt8>, from place: inout Int) throws(ProtocolViolation)
    -> HostMessage?
  {
    while let (kind, payload) = try bytes.frame(of: HostKind.self, from: &place) {
      if let message = try message(kind, bytes, payload) { return message }
    }
    return nil
  }

  /// So many bytes of input have been taken, which the host is told: as many more may come.
  public mutating func took(_ count: Int) { window += count }

  private mutating func message(
    _ kind: HostKind, _ bytes: Span<UInt8>, _ payload: Range<Int>
  ) throws(ProtocolViolation) -> HostMessage? {
    switch kind {
    case .hello:
      try enter(from: .hello, expectsSetup ? .setup : .start)
      guard payload.count == 1 else { throw .badLength }
      guard bytes[payload.lowerBound] == Wire.version else { throw .otherVersion }
      return nil
    case .setup:
      try enter(from: .setup, .start)
      return .setup(try SetupRequest(bytes, payload))
    case .start:
      try enter(from: .start, .running)
      return .start(try StartRequest(bytes, payload))
    default:
      guard stage == .running else { throw .outOfOrder }
      return try runningMessage(kind, bytes, payload)
    }
  }

  private mutating func enter(from: Stage, _ next: Stage) throws(ProtocolViolation) {
    guard stage == from else { throw .outOfOrder }
    stage = next
  }

  private mutating func runningMessage(
    _ kind: HostKind, _ bytes: Span<UInt8>, _ payload: Range<Int>
  ) throws(ProtocolViolation) -> HostMessage? {
    let first = payload.lowerBound
    switch kind {
    case .input:
      guard !inputEnded else { throw .outOfOrder }
      guard payload.count <= window else { throw .overWindow }
      window -= payload.count
      return .input(payload)
    case .inputEnd:
      guard !inputEnded else { throw .outOfOrder }
      guard payload.isEmpty else { throw .badLength }
      inputEnded = true
      return .inputEnd
    case .resize:
      guard payload.count == 4 else { throw .badLength }
      return .resize(
        WindowSize(
          columns: UInt16(truncatingIfNeeded: bytes.number(at: first, width: 2)),
          rows: UInt16(truncatingIfNeeded: bytes.number(at: first + 2, width: 2))))
    case .outputClosed:
      guard payload.count == 1 else { throw .badLength }
      guard let kind = GuestKind(rawValue: bytes[first]), kind == .output || kind == .errorOutput else {
        throw .badValue
      }
      return .outputClosed(kind)
    default:
      guard payload.count == 1 else { throw .badLength }
      guard (1...64).contains(bytes[first]) else { throw .badValue }
      return .signal(bytes[first])
    }
  }
}
