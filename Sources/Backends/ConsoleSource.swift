import Glibc
public import LinuxSystem

/// What a console's input comes from: a terminal, pipe, file or socket of the host. Reading never waits.
public final class ConsoleSource {
  /// What a read found.
  public enum Input: Equatable {
    case bytes([UInt8])
    /// Nothing now.
    case none
    /// The end, or an input that cannot be read.
    case end
  }

  private let stream: WaitlessStream

  /// - Parameter number: The descriptor to read from; stays open and unchanged.
  /// - Throws: When the descriptor is not open.
  public init(_ number: Int32) throws(SystemError) {
    stream = try WaitlessStream(number, O_RDONLY)
  }

  /// Calls `handler` on the loop's thread whenever there is something to read.
  /// - Throws: EPERM for a file on disk, which is always ready.
  public func whenReadable(
    on loop: EventLoop, _ handler: @escaping () -> Void
  ) throws(SystemError) -> EventLoop.Registration {
    try loop.register(stream.descriptor, .readable) { _ in handler() }
  }

  /// What is there to read, at most `limit` bytes.
  public func read(upTo limit: Int) -> Input {
    do throws(SystemError) {
      let bytes = try stream.read(upTo: limit)
      return bytes.isEmpty ? .end : .bytes(bytes)
    } catch {
      return error.code == SystemError.tryAgain ? .none : .end
    }
  }
}
