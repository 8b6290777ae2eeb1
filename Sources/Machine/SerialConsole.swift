import Devices
import LinuxSystem

/// The 16550's other end: what the guest sends goes to standard output in the order sent, on the I/O thread.
final class SerialConsole: SerialHost {
  /// Bytes kept for an output that takes none now; the port then holds the guest back.
  private static let capacity = 64 << 10

  private struct State {
    var bytes: [UInt8] = []
    var isScheduled = false
    var hasRefused = false
    var port: Serial16550?
  }

  private let state = Lock(State())
  private let mailbox: EventLoop.Mailbox
  private let output: FileDescriptor

  init(output: consuming FileDescriptor, on mailbox: EventLoop.Mailbox) {
    self.output = output
    self.mailbox = mailbox
  }

  /// Names the port to tell when there is room again; once, before the guest runs.
  func connect(_ port: Serial16550) { state.withLock { $0.port = port } }

  func transmit(_ byte: UInt8) -> Bool {
    let (accepted, schedule) = state.withLock { state in
      guard state.bytes.count < SerialConsole.capacity else {
        state.hasRefused = true
        return (false, false)
      }
      state.bytes.append(byte)
      defer { state.isScheduled = true }
      return (true, !state.isScheduled)
    }
    if schedule { mailbox.post { [self] _ in flush() } }
    return accepted
  }

  func receiveRoom() {}

  private func flush() {
    let (bytes, waiting) = state.withLock { state in
      defer { (state.bytes, state.isScheduled, state.hasRefused) = ([], false, false) }
      return (state.bytes, state.hasRefused ? state.port : nil)
    }
    // An output that is gone takes the guest's words with it; the guest goes on.
    try? output.writeAll(bytes)
    waiting?.resumeTransmit()
  }
}
