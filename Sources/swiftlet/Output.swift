import Configuration
import LinuxSystem

/// What a command prints: all of it, or an error.
enum Output {
  static func write(_ text: String) throws(Diagnostic) {
    guard Program.hasOutput else {
      throw Diagnostic(
        .inputOutput, "cannot write", which: "standard output", mend: "it is closed: leave it open")
    }
    do throws(SystemError) { try standardOutput(text) } catch {
      throw Diagnostic(
        .inputOutput, "cannot write", which: "standard output",
        mend: "\(error.reason): make room or choose another")
    }
  }
}
