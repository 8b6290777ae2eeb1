/// What the guest tells the host. Ranges are in the bytes that the message was found in.
public enum GuestMessage: Sendable, Equatable {
  /// The program runs, under this number.
  case started(process: UInt32)
  case output(Range<Int>)
  case errorOutput(Range<Int>)
  /// So many bytes of standard input need no room any more.
  case inputTaken(Int)
  /// The program has ended and all of its output has been sent: the last message.
  case ended(Ending)
  /// The program could not be run: the last message.
  case failed(Failure)
}

/// How a program ended.
public enum Ending: Sendable, Equatable {
  case exited(status: UInt8)
  case killed(signal: UInt8)

  /// As shells tell it: the status, or 128 and the signal's number.
  public var status: Int32 {
    switch self {
    case .exited(let status): Int32(status)
    case .killed(let signal): 128 + Int32(signal & 0x7f)
    }
  }
}

/// Why a program could not be run.
public struct Failure: Error, Sendable, Equatable {
  /// What was being done.
  public enum Step: UInt8, Sendable {
    /// The image could not be mounted.
    case root = 1
    /// What was to be mounted besides; the detail is its number.
    case mount = 2
    case user = 3
    case group = 4
    case directory = 5
    /// Pipes, terminal or process could not be made.
    case resources = 6
    case limit = 7
    /// The program was looked for or executed.
    case execution = 8
    /// The host broke the protocol.
    case request = 9
  }

  public let step: Step
  /// Linux's number of the error, 0 where there is none.
  public let code: UInt16
  public let detail: UInt8

  public init(_ step: Step, code: UInt16 = 0, detail: UInt8 = 0) {
    self.step = step
    self.code = code
    self.detail = detail
  }
}

/// Takes apart what a guest sends in one session, and keeps it to the order of the protocol: guests are not trusted.
public struct GuestMessages: Sendable {
  private enum Stage { case hello, starting, running, ended }

  private var stage = Stage.hello
  /// Bytes of input that were sent and have not been taken.
  private var outstanding = 0

  public init() {}

  /// Bytes of input that may be sent now.
  public var inputRoom: Int { stage == .running ? Wire.inputWindow - outstanding : 0 }

  /// So many bytes of input were sent, at most ``inputRoom``.
  public mutating func sent(_ count: Int) {
    precondition((0...inputRoom).contains(count))
    outstanding += count
  }

  /// The next message that is there in whole from `place` on, which is moved behind it; nil where none is.
  public mutating func next(_ bytes: Span<UInt8>, from place: inout Int) throws(ProtocolViolation)
    -> GuestMessage?
  {
    while let (kind, payload) = try bytes.frame(of: GuestKind.self, from: &place) {
      if let message = try message(kind, bytes, payload) { return message }
    }
    return nil
  }

  private mutating func message(
    _ kind: GuestKind, _ bytes: Span<UInt8>, _ payload: Range<Int>
  ) throws(ProtocolViolation) -> GuestMessage? {
    switch (stage, kind) {
    case (.hello, .hello):
      try expect(payload.count == 1, .badLength)
      try expect(bytes[payload.lowerBound] == Wire.version, .otherVersion)
      stage = .starting
      return nil
    case (.starting, .started):
      try expect(payload.count == 4, .badLength)
      stage = .running
      return .started(process: UInt32(truncatingIfNeeded: bytes.number(at: payload.lowerBound, width: 4)))
    case (.starting, .failed): return try failure(bytes, payload)
    case (.running, .output): return .output(payload)
    case (.running, .errorOutput): return .errorOutput(payload)
    case (.running, .inputTaken): return try inputTaken(bytes, payload)
    case (.running, .ended): return try end(bytes, payload)
    default: throw .outOfOrder
    }
  }

  private mutating func inputTaken(
    _ bytes: Span<UInt8>, _ payload: Range<Int>
  ) throws(ProtocolViolation) -> GuestMessage {
    try expect(payload.count == 4, .badLength)
    let count = Int(bytes.number(at: payload.lowerBound, width: 4))
    try expect(count <= outstanding, .overWindow)
    outstanding -= count
    return .inputTaken(count)
  }

  private mutating func end(_ bytes: Span<UInt8>, _ payload: Range<Int>) throws(ProtocolViolation)
    -> GuestMessage
  {
    try expect(payload.count == 2, .badLength)
    let (way, value) = (bytes[payload.lowerBound], bytes[payload.lowerBound + 1])
    try expect(way == 0 || way == 1 && (1...64).contains(value), .badValue)
    stage = .ended
    return .ended(way == 0 ? .exited(status: value) : .killed(signal: value))
  }

  private mutating func failure(
    _ bytes: Span<UInt8>, _ payload: Range<Int>
  ) throws(ProtocolViolation) -> GuestMessage {
    try expect(payload.count == 4, .badLength)
    let first = payload.lowerBound
    guard let step = Failure.Step(rawValue: bytes[first]) else { throw .badValue }
    stage = .ended
    let code = UInt16(truncatingIfNeeded: bytes.number(at: first + 1, width: 2))
    return .failed(Failure(step, code: code, detail: bytes[first + 3]))
  }

  private func expect(_ condition: Bool, _ violation: ProtocolViolation) throws(ProtocolViolation) {
    if !condition { throw violation }
  }
}
