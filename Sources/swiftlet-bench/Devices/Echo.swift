import Bench
import Glibc
import LinuxSystem

/// Sends back whatever comes, on a thread of its own.
final class Echo {
  private let number: Int32
  private var thread: LinuxSystem.Thread?

  /// At the other end of a stream, or of an interface.
  /// - Parameter number: the other end's descriptor, taken over.
  init(_ number: Int32) throws {
    thread = try LinuxSystem.Thread(name: "echo") { Echo.serve(number) }
    self.number = number
  }

  /// To whom connects to `path`, one after the other.
  init(listeningAt path: String) throws {
    let listener = try UnixSocket.listening(at: path)
    let number = listener.release()
    thread = try LinuxSystem.Thread(name: "echo") {
      let listener = FileDescriptor(owning: number)
      while (try? Host.waitUntilReadable(listener, patience: -1)) != nil {
        guard let next = try? UnixSocket.accept(from: listener) else { break }
        try? next.setNonBlocking(false)
        Echo.serve(next.raw)
      }
      // The number is the owner's to close.
      _ = listener.release()
    }
    self.number = number
  }

  /// The end, and that of the streams it was given. An interface must be gone before.
  deinit {
    shutdown(number, Int32(SHUT_RDWR))
    thread.take()?.join()
    close(number)
  }

  private static func serve(_ stream: Int32) {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(stream, &bytes, bytes.count)
      guard count > 0, send(stream, &bytes, count, Int32(MSG_NOSIGNAL)) == count else { return }
    }
  }
}
