import Devices
import Glibc
import GuestMemory
import LinuxSystem

/// One end of a Unix socket as the host's end of a connection with the guest.
final class SocketStream: VsockStream {
  private static let slicesPerCall = 64

  private let socket: FileDescriptor
  private let loop: EventLoop
  /// Whether the program at the other end is told of the connection's success, as whoever sent CONNECT expects.
  private let announces: Bool
  private var registration: EventLoop.Registration?
  private var list: ScatterList?
  private let writer = GuestWriter()
  private let whenGone: () -> Void

  init(
    _ socket: consuming FileDescriptor, on loop: EventLoop, announces: Bool, whenGone: @escaping () -> Void
  ) {
    self.socket = socket
    self.loop = loop
    self.announces = announces
    self.whenGone = whenGone
  }

  deinit {
    unregister()
    whenGone()
  }

  func begin(_ handler: @escaping (StreamReadiness) -> Void) {
    // Told of changes only: a peer that is gone would be reported without end otherwise.
    watch([.readable, .writable, .onChange]) { interest in
      var readiness: StreamReadiness = []
      if !interest.isDisjoint(with: [.readable, .hangUp]) { readiness.insert(.read) }
      if !interest.isDisjoint(with: [.writable, .hangUp]) { readiness.insert(.write) }
      if !interest.isDisjoint(with: .hangUp) { readiness.insert(.hungUp) }
      handler(readiness)
    }
  }

  /// Instead of what was watched before.
  func watch(_ interest: EventLoop.Interest, _ handler: @escaping (EventLoop.Interest) -> Void) {
    unregister()
    registration = try? loop.register(socket, interest, handler)
  }

  private func unregister() {
    if let registration { loop.unregister(registration) }
    registration = nil
  }

  func accepted(port: UInt32) {
    // Nothing was written before, so there is room for a line.
    if announces { try? socket.writeAll(Array("OK \(port)\n".utf8)) }
  }

  func read(into slices: [GuestSlice], of memory: GuestMemory) -> StreamRead {
    let list = self.list ?? ScatterList(memory: memory, capacity: Self.slicesPerCall)
    self.list = list
    list.removeAll()
    for slice in slices where !list.append(slice) { break }
    return Self.outcome { () throws(SystemError) in try list.readStream(from: socket) }
  }

  /// Reads one byte into `byte`.
  func read(_ byte: inout UInt8) -> StreamRead {
    Self.outcome { () throws(SystemError) in
      guard let next = try socket.read(upTo: 1).first else { return 0 }
      byte = next
      return 1
    }
  }

  private static func outcome(_ read: () throws(SystemError) -> Int) -> StreamRead {
    do throws(SystemError) {
      let count = try read()
      return count > 0 ? .bytes(count) : .end
    } catch {
      return error.code == EAGAIN ? .none : .end
    }
  }

  func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int? {
    try? writer.write(slices, of: memory) { list throws(SystemError) in try list.writeStream(to: socket) }
  }

  func write(_ bytes: Span<UInt8>) -> Int? {
    do throws(SystemError) { return try socket.write(bytes) } catch {
      return error.code == EAGAIN ? 0 : nil
    }
  }

  var isExhausted: Bool { UnixSocket.isExhausted(socket) }

  func finishWriting() { UnixSocket.finish(socket, reading: false) }

  func close() {
    unregister()
    UnixSocket.finish(socket, reading: true)
  }
}
