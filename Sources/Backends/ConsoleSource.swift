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

  /// For the event loop; not to be read from.
  public let descriptor: FileDescriptor

  /// - Parameter number: The descriptor to read from; stays open and unchanged.
  /// - Throws: When the descriptor is not open.
  public init(_ number: Int32) throws(SystemError) {
    descriptor = try FileDescriptor(withoutWaiting: number, O_RDONLY)
  }

  /// What is there to read, at most `limit` bytes.
  public func read(upTo limit: Int) -> Input {
    do throws(SystemError) {
      let bytes = try descriptor.read(upTo: limit)
      return bytes.isEmpty ? .end : .bytes(bytes)
    } catch {
      return error.code == SystemError.tryAgain ? .none : .end
    }
  }
}

extension FileDescriptor {
  /// A descriptor of the same file that does not wait.
  ///
  /// A terminal or pipe is opened a second time for that, because O_NONBLOCK on the descriptor the process was given
  /// would change it for everyone else who holds it, the user's shell among them. A file on disk never waits; where a
  /// terminal cannot be opened again, as after `su`, waiting is the lesser evil.
  init(withoutWaiting number: Int32, _ access: Int32) throws(SystemError) {
    let copy = try FileDescriptor(duplicating: number)
    switch try copy.status().kind {
    case .characterDevice, .pipe:
      let flags = access | O_NONBLOCK | O_NOCTTY
      if let again = try? FileDescriptor(opening: "/proc/self/fd/\(number)", flags) {
        self = again
        return
      }
    case .socket: try copy.setNonBlocking(true)
    default: break
    }
    self = copy
  }
}
