/// What an image says of how it is run (image-spec, config.md); all empty where it says nothing.
public struct ImageConfig: Sendable, Equatable, Codable {
  /// The program and its first arguments; ``command`` follows.
  public var entrypoint: [String] = []
  /// Arguments, or program and arguments where there is no entry point. What a person gives takes its place.
  public var command: [String] = []
  /// "NAME=value".
  public var environment: [String] = []
  /// An absolute path; "/" where the image names none.
  public var workingDirectory = "/"
  /// "user", "user:group", numbers or names; empty for root.
  public var user = ""
  /// A signal's name or number, as in "SIGQUIT"; nil for SIGTERM.
  public var stopSignal: String?
  public var exposedPorts: [ExposedPort] = []

  public init() {}
}

/// A port that the image's program listens at.
public struct ExposedPort: Sendable, Equatable, Codable, Comparable, CustomStringConvertible {
  public enum Transport: String, Sendable, Codable { case tcp, udp, sctp }
  public let number: UInt16
  public let transport: Transport

  public init(number: UInt16, transport: Transport) {
    self.number = number
    self.transport = transport
  }

  /// "80/tcp", or "80" for TCP; nil for what is none.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let number = UInt16(parts[0]), number > 0,
      let transport = Transport(rawValue: parts.count == 2 ? String(parts[1]) : "tcp")
    else { return nil }
    self.init(number: number, transport: transport)
  }

  public var description: String { "\(number)/\(transport.rawValue)" }

  public static func < (first: ExposedPort, second: ExposedPort) -> Bool {
    (first.number, first.transport.rawValue) < (second.number, second.transport.rawValue)
  }
}
