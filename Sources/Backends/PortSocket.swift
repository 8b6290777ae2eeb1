public import Devices
public import LinuxSystem

/// The Unix socket that programs of the host reach a named port of the guest through, one at a time; others wait until
/// it is their turn.
public final class PortSocket: PortHost {
  private let listener: NamedListener
  private var loop: EventLoop?
  private var take: ((any HostStream) -> Void)?

  /// - Parameter path: where the socket is made; removed at the end. Nothing that is there already is replaced, but
  ///   for a socket nobody listens at any more, as a monitor leaves it that was killed.
  /// - Throws: EADDRINUSE where a living process has it, EEXIST where something else is there.
  public init(path: String) throws(SystemError) {
    listener = try NamedListener(path: path)
  }

  /// Takes connections from here on, on the thread of the loop, whenever they are awaited.
  public func begin(on loop: EventLoop) throws(SystemError) {
    self.loop = loop
    // Told of changes only: who waits for a turn would be reported without end otherwise, and so would be who cannot
    // be taken because no descriptor is left; the latter is tried again when the next one comes.
    _ = try loop.register(listener.descriptor, [.readable, .onChange]) { [unowned self] _ in accept() }
  }

  public func awaitPeer(_ take: @escaping (any HostStream) -> Void) {
    self.take = take
    accept()
  }

  public func cease() { take = nil }

  private func accept() {
    guard let take, let loop, let stream = next(on: loop) else { return }
    self.take = nil
    take(stream)
  }

  private func next(on loop: EventLoop) -> SocketStream? {
    guard let socket = try? UnixSocket.accept(from: listener.descriptor) else { return nil }
    return SocketStream(socket, on: loop, announces: false) {}
  }
}
