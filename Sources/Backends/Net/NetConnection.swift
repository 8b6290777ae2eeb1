public import Devices
public import LinuxSystem

/// What became of a connection's host side.
public struct NetReadiness: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  /// There may be frames.
  public static let receive = NetReadiness(rawValue: 1)
  /// There may be room for frames.
  public static let transmit = NetReadiness(rawValue: 2)
  /// No frame comes or goes any more; told once.
  public static let gone = NetReadiness(rawValue: 4)
}

/// A network device's end on the host, which the I/O thread waits for.
public protocol NetConnection: NetBackend {
  /// Calls `handler` on the loop's thread with what has changed; once, before the guest runs.
  func begin(on loop: EventLoop, _ handler: @escaping (NetReadiness) -> Void) throws(SystemError)
}
