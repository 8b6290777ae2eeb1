import Configuration
import Glibc
import LinuxSystem

/// The monitor of a machine, as a child that lives no longer than this process.
struct MonitorProcess: ~Copyable {
  private let program: WatchedProgram
  /// What it says; nil where that goes to our standard error.
  private let words: Words?

  private final class Words {
    /// Of what it says, the last bytes are kept.
    private static let limit = 4096
    let descriptor: FileDescriptor
    private(set) var bytes: [UInt8] = []

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    func listen() {
      while let part = try? descriptor.read(upTo: Self.limit), !part.isEmpty {
        bytes = Array((bytes + part).suffix(Self.limit))
      }
    }
  }

  /// - Parameters:
  ///   - mask: the signals that it does not take at first.
  ///   - isHeard: whether its console and its messages go to standard error.
  init(_ description: MachineDescription, mask: SignalMask, isHeard: Bool) throws(Diagnostic) {
    let path = try Monitor.path()
    do throws(SystemError) {
      let file = try Monitor.file(of: description)
      let arguments = ["--description-fd", "\(file.raw)"]
      if isHeard {
        program = try WatchedProgram(
          path, arguments: arguments, output: STDERR_FILENO, errors: STDERR_FILENO, mask: mask)
        words = nil
      } else {
        let ends = try UnixSocket.pair()
        let ours = FileDescriptor(owning: ends.0)
        let theirs = FileDescriptor(owning: ends.1)
        try ours.setNonBlocking(true)
        program = try WatchedProgram(path, arguments: arguments, output: nil, errors: theirs.raw, mask: mask)
        words = Words(ours)
      }
    } catch {
      throw Diagnostic(.monitorError, "cannot start the monitor", which: path, mend: "\(error)")
    }
  }

  /// Readable when it has ended.
  var ended: Int32 { program.descriptor.raw }
  /// Readable when it has said something; negative where nobody listens.
  var messages: Int32 { words?.descriptor.raw ?? -1 }

  func listen() { words?.listen() }

  func send(_ signal: Int32) { program.send(signal) }

  /// What is known of a monitor that has ended.
  struct End {
    let end: ForkedProcess.End
    /// The lines that it said, or the last of them.
    let words: String
    /// The most memory it had, in bytes.
    let peakMemory: UInt64
  }

  /// Ends it, and waits until it is gone.
  /// - Parameter signal: nil where it ends by itself.
  consuming func finish(by signal: Int32?) -> End {
    if let signal { program.send(signal) }
    listen()
    let said = String(decoding: words?.bytes ?? [], as: UTF8.self)
    let (end, peakMemory) = program.wait()
    return End(end: end, words: said, peakMemory: peakMemory)
  }
}
