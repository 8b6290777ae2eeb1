import Configuration
import LinuxSystem

/// What a command prints: all of it, or an error.
enum Output {
  static func write(_ text: String) throws(Diagnostic) {
    guard Program.hasOutput else {
      throw Diagnostic(
        .inputOutput, "cannot write", which: "standard output", mend: "it is closed: leave it open")
    }
    let output = FileDescriptor(owning: 1)
    let failure: SystemError?
    do throws(SystemError) {
      try output.writeAll(Array(text.utf8))
      failure = nil
    } catch { failure = error }
    // Closing it is not ours to do.
    _ = output.release()
    if let failure {
      throw Diagnostic(
        .inputOutput, "cannot write", which: "standard output",
        mend: "\(failure.reason): make room or choose another")
    }
  }
}
