public import Devices
public import LinuxSystem

/// The Unix sockets of a machine's vsock device.
///
/// A program of the host connects to the socket at `path` and sends `CONNECT port\n`; when a program of the guest has
/// accepted, it reads `OK port\n`, and from there on the bytes are the connection's. A program of the guest that
/// connects to a port of the host reaches who listens at `path_port`.
public final class VsockSocket: VsockHost {
  /// Clients that have connected and not yet said where to.
  private static let waitingLimit = 64
  /// "CONNECT 4294967295\n".
  private static let requestLimit = 19

  private let path: String
  private let listener: NamedListener
  private var loop: EventLoop?
  private var waiting: [ObjectIdentifier: Client] = [:]
  private struct Client {
    let stream: SocketStream
    /// Of its arrival.
    let number: UInt64
    var request: [UInt8] = []
  }
  private var arrivals: UInt64 = 0
  private var accepting: EventLoop.Registration?
  private var open: ((any VsockStream, UInt32) -> Void)?

  /// - Parameter path: where the socket is made; removed at the end. Nothing that is there already is replaced, but
  ///   for a socket nobody listens at any more, as a monitor leaves it that was killed.
  /// - Throws: EADDRINUSE where a living process has it, EEXIST where something else is there.
  public init(path: String) throws(SystemError) {
    self.path = path
    listener = try NamedListener(path: path)
  }

  /// Takes connections from here on, on the thread of the loop.
  /// - Parameter open: asks the guest for a port.
  public func begin(
    on loop: EventLoop, _ open: @escaping (any VsockStream, UInt32) -> Void
  ) throws(SystemError) {
    self.open = open
    self.loop = loop
    accepting = try loop.register(listener.descriptor, .readable) { [unowned self] _ in accept() }
  }

  public func connect(toPort port: UInt32) -> (any VsockStream)? {
    guard let loop, let socket = try? UnixSocket.connected(to: "\(path)_\(port)") else { return nil }
    return stream(socket, on: loop, announces: false)
  }

  private func stream(
    _ socket: consuming FileDescriptor, on loop: EventLoop, announces: Bool
  ) -> SocketStream {
    SocketStream(socket, on: loop, announces: announces) { [weak self] in
      if let self, let accepting { try? loop.update(accepting, .readable) }
    }
  }

  private func accept() {
    let next: SocketStream?
    do throws(SystemError) { next = try nextClient() } catch {
      // No descriptor is left: a client would be reported without end. The next connection that closes frees one.
      if let accepting { try? loop?.update(accepting, []) }
      return
    }
    guard let stream = next else { return }
    let name = ObjectIdentifier(stream)
    // The one that has said nothing for longest goes, so that those who ask are heard.
    if waiting.count == Self.waitingLimit, let oldest = waiting.min(by: { $0.value.number < $1.value.number })
    {
      waiting[oldest.key] = nil
    }
    arrivals &+= 1
    waiting[name] = Client(stream: stream, number: arrivals)
    stream.watch(.readable) { [unowned self] _ in readRequest(name) }
  }

  private func nextClient() throws(SystemError) -> SocketStream? {
    guard let loop else { return nil }
    switch try UnixSocket.accept(from: listener.descriptor) {
    case .some(let socket): return stream(socket, on: loop, announces: true)
    case .none: return nil
    }
  }

  /// Byte by byte, so that nothing is taken of what follows the line.
  private func readRequest(_ name: ObjectIdentifier) {
    guard let stream = waiting[name]?.stream else { return }
    var byte: UInt8 = 0
    while true {
      switch stream.read(&byte) {
      case .none: return
      case .end:
        waiting[name] = nil
        return
      case .bytes where byte == UInt8(ascii: "\n"):
        guard let client = waiting.removeValue(forKey: name), let port = Self.port(client.request) else {
          return
        }
        open?(stream, port)
        return
      case .bytes:
        waiting[name]?.request.append(byte)
        if waiting[name]?.request.count == Self.requestLimit { waiting[name] = nil }
        if waiting[name] == nil { return }
      }
    }
  }

  /// The number in `CONNECT number`; nil for any other text.
  static func port(_ request: [UInt8]) -> UInt32? {
    let text = String(decoding: request, as: UTF8.self)
    guard text.hasPrefix("CONNECT ") else { return nil }
    let digits = text.dropFirst(8)
    guard digits.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
    return UInt32(digits)
  }
}
