/// The host's end of one connection through a virtio socket. Belongs to the I/O thread.
public protocol VsockStream: HostStream {
  /// Takes bytes that were kept meanwhile, as `write` those of guest memory.
  func write(_ bytes: Span<UInt8>) -> Int?

  /// The guest has accepted a connection that the host asked for; `port` is the host's side of it.
  func accepted(port: UInt32)

  /// No bytes will be written from here on; those of the other direction still come.
  func finishWriting()
}

/// Who answers on the host when a guest asks for a port there.
public protocol VsockHost: AnyObject {
  /// - Returns: nil where nobody listens on that port.
  func connect(toPort port: UInt32) -> (any VsockStream)?
}
