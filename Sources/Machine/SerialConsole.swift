import Devices
import LinuxSystem

/// The 16550's other end, joined to the host's side of a console on the I/O thread.
final class SerialConsole: SerialHost, HostConsole, ConsoleGuest {
  /// Bytes kept for an output that takes none now; the port then holds the guest back.
  private static let capacity = 64 << 10

  private struct State {
    /// Sent by the guest, in order.
    var bytes: ArraySlice<UInt8> = []
    /// Whether somebody will write ``bytes``: posted work, or the line when it has room.
    var isScheduled = false
    var hasRefused = false
    weak var port: Serial16550?
  }

  private let state = Lock(State())
  private let mailbox: EventLoop.Mailbox
  private let line: LoopConfined<ConsoleLine>

  init(line: sending ConsoleLine, on mailbox: EventLoop.Mailbox) {
    self.line = LoopConfined(line, to: mailbox)
    self.mailbox = mailbox
  }

  /// Begins to serve a port; once, before the guest runs.
  func begin(_ port: Serial16550) {
    state.withLock { $0.port = port }
    perform { console, line, loop in
      line.guest = console
      line.begin(on: loop)
    }
  }

  /// Has what the guest has sent written, however long the output takes, unless a signal comes. The guest must have
  /// stopped.
  func finish(unless signals: SignalDescriptor) {
    perform { console, line, _ in
      // Taken, for a flush may still be posted behind this.
      line.writeAll(console.takeBytes(), unless: signals)
    }
  }

  func setReading(_ isReading: Bool) {
    perform { _, line, _ in line.setReading(isReading) }
  }

  /// A serial line has no way to tell of sizes.
  func resize(to size: ConsoleSize) {}

  // MARK: From the port, on vCPU threads

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
    if schedule { scheduleFlush() }
    return accepted
  }

  func receiveRoom() {
    perform { _, line, _ in line.deliver() }
  }

  // MARK: On the I/O thread

  func takeInput(_ bytes: ArraySlice<UInt8>) -> Int { port?.receive(bytes) ?? 0 }

  func outputHasRoom(on line: ConsoleLine) { flush(line) }

  private var port: Serial16550? { state.withLock { $0.port } }

  private func scheduleFlush() {
    perform { console, line, _ in console.flush(line) }
  }

  /// Writes what there is now; what comes meanwhile waits for the next turn of the loop.
  private func flush(_ line: ConsoleLine) {
    let bytes = takeBytes()
    let taken = line.write(bytes)
    let (refused, goOn) = state.withLock { state in
      if taken < bytes.count { state.bytes = bytes.dropFirst(taken) + state.bytes }
      let isFull = state.bytes.count >= SerialConsole.capacity
      defer { if !isFull { state.hasRefused = false } }
      // Where not all was taken, the line calls when it has room.
      let goOn = taken == bytes.count && !state.bytes.isEmpty
      state.isScheduled = goOn || taken < bytes.count
      return (state.hasRefused && !isFull, goOn)
    }
    if goOn { scheduleFlush() }
    if refused { port?.resumeTransmit() }
  }

  private func takeBytes() -> ArraySlice<UInt8> {
    state.withLock { state in
      defer { state.bytes = [] }
      return state.bytes
    }
  }

  private func perform(_ body: @escaping @Sendable (SerialConsole, ConsoleLine, EventLoop) -> Void) {
    mailbox.post { [self] loop in body(self, line.value(on: loop), loop) }
  }
}

/// A serial port that nothing is connected to: what the guest sends is lost, but for its last words, and nothing comes.
struct UnconnectedSerial: SerialHost {
  let tail: ConsoleTail

  init(tail: ConsoleTail) {
    self.tail = tail
    tail.lose()
  }

  func transmit(_ byte: UInt8) -> Bool {
    tail.append([byte])
    return true
  }
  func receiveRoom() {}
}
