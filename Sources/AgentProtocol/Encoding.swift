// What the host sends that is long: made of strings, once for each session.

/// How the guest is to be made ready, in words: see ``SetupRequest``.
public struct Setup: Sendable, Equatable {
  public struct Mount: Sendable, Equatable {
    public let kind: SetupRequest.Mount
    public let source: String
    public let target: String

    public init(_ kind: SetupRequest.Mount, source: String = "", target: String) {
      self.kind = kind
      self.source = source
      self.target = target
    }
  }

  public var options: SetupRequest.Options = []
  public var root = SetupRequest.Root.erofs
  public var hostName = ""
  public var mounts: [Mount] = []

  public init() {}

  /// The frame; nil where it would be too long, or a string holds a zero byte.
  public func encoded() -> [UInt8]? {
    guard mounts.count < 256 else { return nil }
    let payload = [options.rawValue, root.rawValue, UInt8(mounts.count)] + mounts.map { $0.kind.rawValue }
    let texts = [hostName] + mounts.flatMap { [$0.source, $0.target] }
    return frame(.setup, payload, texts.map { Array($0.utf8) }, limit: Wire.payloadLimit)
  }
}

/// A program to run, in words, which are any bytes but zero: see ``StartRequest``.
public struct Start: Sendable, Equatable {
  public var options: StartRequest.Options = []
  public var window = WindowSize(columns: 0, rows: 0)
  public var user: [UInt8] = []
  public var directory: [UInt8] = []
  public var arguments: [[UInt8]]
  public var environment: [[UInt8]] = []
  public var limits: [StartRequest.Limit] = []

  public init(_ arguments: [[UInt8]]) { self.arguments = arguments }

  /// The frame; nil where it would be too long, or a string holds a zero byte.
  public func encoded() -> [UInt8]? {
    guard (1...0xffff).contains(arguments.count), environment.count <= 0xffff, limits.count < 256 else {
      return nil
    }
    var payload = [options.rawValue]
    for number in [Int(window.columns), Int(window.rows), arguments.count, environment.count] {
      append(UInt64(number), width: 2, to: &payload)
    }
    payload.append(UInt8(limits.count))
    for limit in limits {
      payload.append(limit.resource)
      append(limit.soft, width: 8, to: &payload)
      append(limit.hard, width: 8, to: &payload)
    }
    return frame(.start, payload, [user, directory] + arguments + environment, limit: Wire.startLimit)
  }
}

extension FrameHeader {
  /// Appends what stands before the payload.
  public func append(to bytes: inout [UInt8]) {
    for index in 0..<Wire.headerSize { bytes.append(UInt8(truncatingIfNeeded: word >> (8 * index))) }
  }
}

private func append(_ number: UInt64, width: UInt64, to bytes: inout [UInt8]) {
  for index in 0..<width { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * index))) }
}

private func frame(_ kind: HostKind, _ head: [UInt8], _ texts: [[UInt8]], limit: Int) -> [UInt8]? {
  var payload = head
  for text in texts {
    guard text.count + payload.count < limit, !text.contains(0) else { return nil }
    payload += text
    payload.append(0)
  }
  var frame: [UInt8] = []
  FrameHeader(kind: kind.rawValue, length: payload.count).append(to: &frame)
  return frame + payload
}
