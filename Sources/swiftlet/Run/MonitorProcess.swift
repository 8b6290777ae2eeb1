import Configuration
import Glibc
import LinuxSystem

/// The monitor of a machine, as a child that lives no longer than this process.
struct MonitorProcess: ~Copyable {
  /// Nanoseconds that it may take to end by itself.
  private static let patience: UInt64 = 5_000_000_000

  /// How its console and its messages come to standard error.
  enum Voice {
    case direct
    /// By this process, which knows whether the terminal is raw.
    case relayed
    /// The last of its messages, in the end.
    case kept
  }

  private let program: WatchedProgram
  /// What it says; nil where that does not come by this process.
  let words: MonitorWords?

  /// - Parameters:
  ///   - mask: the signals that it does not take at first.
  init(_ description: MachineDescription, mask: SignalMask, voice: Voice) throws(Diagnostic) {
    let path = try Monitor.path()
    do throws(SystemError) {
      let file = try Monitor.file(of: description)
      try self.init(path, ["--description-fd", "\(file.raw)"], mask: mask, voice: voice)
    } catch {
      throw Diagnostic(.monitorError, "cannot start the monitor", which: path, mend: "\(error)")
    }
  }

  init(_ path: String, _ arguments: [String], mask: SignalMask, voice: Voice) throws(SystemError) {
    if voice == .direct {
      program = try WatchedProgram(
        path, arguments: arguments, output: STDERR_FILENO, errors: STDERR_FILENO, mask: mask)
      words = nil
    } else {
      let ends = try UnixSocket.pair()
      let ours = FileDescriptor(owning: ends.0)
      let theirs = FileDescriptor(owning: ends.1)
      try ours.setNonBlocking(true)
      program = try WatchedProgram(
        path, arguments: arguments, output: voice == .relayed ? theirs.raw : nil, errors: theirs.raw,
        mask: mask)
      words = MonitorWords(ours, isRelayed: voice == .relayed)
    }
  }

  /// Readable when it has ended.
  var ended: Int32 { program.descriptor.raw }

  /// What is known of a monitor that has ended.
  struct End {
    let end: ForkedProcess.End
    /// Whether it did not end when it should have, and was killed.
    let isForced: Bool
    /// The lines that it said, or the last of them.
    let words: String
    /// The most memory it had, in bytes.
    let peakMemory: UInt64
  }

  /// Ends it, and waits until it is gone.
  /// - Parameters:
  ///   - signal: nil where it ends by itself.
  ///   - signals: one of those that stop a machine ends the wait.
  ///   - limit: nanoseconds after which it is killed.
  consuming func finish(
    by signal: Int32?, heeding signals: SignalDescriptor, within limit: UInt64 = Self.patience
  ) -> End {
    if let signal { program.send(signal) }
    let isForced = signal != SIGKILL && !waitForEnd(heeding: signals, within: limit)
    if isForced { program.send(SIGKILL) }
    let words = words
    let (end, peakMemory) = program.wait()
    // Its last words, which say why, are there only now.
    words?.listen()
    return End(
      end: end, isForced: isForced, words: String(decoding: words?.bytes ?? [], as: UTF8.self),
      peakMemory: peakMemory)
  }

  private func waitForEnd(heeding signals: SignalDescriptor, within limit: UInt64) -> Bool {
    let start = Clock.monotonicNanoseconds()
    while true {
      let passed = Clock.monotonicNanoseconds() &- start
      guard passed < limit else { return false }
      var entries = [
        PollEntry(ended, reading: true), PollEntry(signals.descriptor.raw, reading: true),
        PollEntry(words?.descriptor ?? -1, reading: true),
      ]
      let milliseconds = Int32(clamping: (limit - passed) / 1_000_000 + 1)
      guard (try? PollEntry.wait(&entries, atMost: milliseconds)) != nil else { return false }
      if entries[0].isReadable { return true }
      if entries[2].isReadable { words?.listen() }
      while let number = signals.next() { if RunSession.stops(number) { return false } }
    }
  }
}

/// What a monitor says, of which the last bytes are kept.
final class MonitorWords {
  private static let limit = 4096
  private let socket: FileDescriptor
  private let isRelayed: Bool
  private var isOpen = true
  private(set) var bytes: [UInt8] = []

  init(_ socket: consuming FileDescriptor, isRelayed: Bool) {
    self.socket = socket
    self.isRelayed = isRelayed
  }

  /// For poll(2), readable when there is something to listen to; negative where nothing comes any more.
  var descriptor: Int32 { isOpen ? socket.raw : -1 }

  /// Takes what has been said.
  func listen() {
    do throws(SystemError) {
      while isOpen {
        let part = try socket.read(upTo: Self.limit)
        isOpen = !part.isEmpty
        if isRelayed { standardError(String(decoding: part, as: UTF8.self)) }
        bytes = Array((bytes + part).suffix(Self.limit))
      }
    } catch { isOpen = error.code == SystemError.tryAgain }
  }
}
