public import GuestMemory

/// The host's end of a connection: a stream of bytes each way, neither of which waits. Belongs to the I/O thread.
public protocol HostStream: AnyObject {
  /// Reads what there is into the front of `slices`.
  func read(into slices: [GuestSlice], of memory: GuestMemory) -> StreamRead

  /// Takes the bytes of `slices` in order.
  /// - Returns: how many; fewer than all where it would have to wait, nil where nobody will ever read them.
  func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int?

  /// Whether there is nothing to read and nothing will come any more.
  var isExhausted: Bool { get }

  /// Ends both directions; the stream is not used any more.
  func close()

  /// Calls `handler` whenever there may be bytes to read, or room to write, after there were none. Called once.
  func begin(_ handler: @escaping (StreamReadiness) -> Void)
}

/// What a read of a stream found.
public enum StreamRead: Equatable {
  /// 1 or more.
  case bytes(Int)
  /// Nothing now.
  case none
  /// Nothing any more.
  case end
}

/// What a stream may be ready for.
public struct StreamReadiness: OptionSet, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  public static let read = StreamReadiness(rawValue: 1)
  public static let write = StreamReadiness(rawValue: 2)
  /// The other side is gone: there may be bytes to read still, but no more will come, and none will be taken.
  public static let hungUp = StreamReadiness(rawValue: 4)
}
