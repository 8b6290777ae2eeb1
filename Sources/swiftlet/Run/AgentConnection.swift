import AgentProtocol
import Glibc
import LinuxSystem

/// The host's end of one session with a guest's agent, which is not trusted.
struct AgentConnection: ~Copyable {
  /// Output is sent in frames, of which this many bytes are read at a time.
  private static let readSize = 1 << 17

  let socket: FileDescriptor
  private var messages = GuestMessages()
  private var received = [UInt8](repeating: 0, count: AgentConnection.readSize)
  private var first = 0
  private var end = 0
  private var outgoing: [UInt8] = []
  private var sent = 0

  init(_ socket: consuming FileDescriptor) {
    self.socket = socket
    send(.hostHello)
  }

  /// Whether there is something that the socket has not taken.
  var isSending: Bool { sent < outgoing.count }
  /// Bytes of input that may be sent now; none while others wait.
  var inputRoom: Int { isSending ? 0 : min(messages.inputRoom, Wire.payloadLimit) }

  mutating func send(_ frame: SmallFrame) {
    for index in 0..<frame.count { outgoing.append(frame.bytes[index]) }
  }

  mutating func send(_ frame: [UInt8]) { outgoing += frame }

  /// Sends standard input, at most ``inputRoom``.
  mutating func sendInput(_ bytes: [UInt8]) {
    messages.sent(bytes.count)
    FrameHeader(kind: HostKind.input.rawValue, length: bytes.count).append(to: &outgoing)
    outgoing += bytes
  }

  /// Writes what the socket takes. What is for a connection that is gone is dropped: that is seen by reading.
  mutating func flush() {
    do throws(SystemError) {
      while isSending { sent += try socket.write(outgoing[sent...]) }
    } catch {
      if error.code == SystemError.tryAgain { return }
    }
    outgoing.removeAll(keepingCapacity: true)
    sent = 0
  }

  /// Reads what has come; false where the connection is gone.
  mutating func fill() -> Bool {
    if first > 0 {
      received.withUnsafeMutableBytes { bytes in
        bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[first..<end]))
      }
      (first, end) = (0, end - first)
    }
    // What is left is less than a frame, so that there is room.
    do throws(SystemError) {
      let count = try socket.read(into: &received, at: end)
      end += count
      return count > 0
    } catch { return error.code == SystemError.tryAgain }
  }

  /// The next message; nil where none is there in whole.
  mutating func next() throws(ProtocolViolation) -> GuestMessage? {
    var (messages, place) = (self.messages, first)
    defer { (self.messages, first) = (messages, place) }
    return try messages.next(received.span.extracting(0..<end), from: &place)
  }

  /// What a message's range stands for, until the next ``fill()``.
  func bytes(_ range: Range<Int>) -> ArraySlice<UInt8> { received[range] }
}
