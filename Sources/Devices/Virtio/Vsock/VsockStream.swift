public import GuestMemory

/// The host's end of one connection: a stream of bytes each way, neither of which waits. Belongs to the I/O thread.
public protocol VsockStream: AnyObject {
  /// Reads what there is into the front of `slices`.
  func read(into slices: [GuestSlice], of memory: GuestMemory) -> VsockRead

  /// Takes the bytes of `slices` in order.
  /// - Returns: how many; fewer than all where it would have to wait, nil where nobody will ever read them.
  func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int?

  /// As above, for bytes that were kept meanwhile.
  func write(_ bytes: Span<UInt8>) -> Int?

  /// The guest has accepted a connection that the host asked for; `port` is the host's side of it.
  func accepted(port: UInt32)

  /// No bytes will be written from here on; those of the other direction still come.
  func finishWriting()

  /// Ends both directions; the stream is not used any more.
  func close()

  /// Calls `handler` whenever there may be bytes to read, or room to write, after there were none. Called once.
  func begin(_ handler: @escaping (VsockReadiness) -> Void)
}

/// What a read of a stream found.
public enum VsockRead: Equatable {
  /// 1 or more.
  case bytes(Int)
  /// Nothing now.
  case none
  /// Nothing any more.
  case end
}

/// What a stream may be ready for.
public struct VsockReadiness: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  public static let read = VsockReadiness(rawValue: 1)
  public static let write = VsockReadiness(rawValue: 2)
}

/// Who answers on the host when a guest asks for a port there.
public protocol VsockHost: AnyObject {
  /// - Returns: nil where nobody listens on that port.
  func connect(toPort port: UInt32) -> (any VsockStream)?
}
