import Bench
import Configuration
import Glibc
import LinuxSystem

/// Shows on a terminal how far a long measurement has come and how long it will take, in place of the last line.
struct ProgressLine: ~Copyable {
  private let total: Int
  private let startedAt = Clock.monotonicNanoseconds()
  private let isShown = isatty(STDERR_FILENO) == 1

  /// - Parameter total: how many runs, or seconds, or machines there will be.
  init(total: Int) { self.total = total }

  deinit { if isShown { standardError("\r\u{1b}[K") } }

  /// - Parameter done: how many of them were before the one that begins now.
  func show(_ what: String, done: Int) {
    guard isShown else { return }
    let passed = Double(Clock.monotonicNanoseconds() &- startedAt) / 1e9
    var line = "\(what), \(min(done + 1, total)) of \(total)"
    if done > 0 { line += ", \(Self.text(passed / Double(done) * Double(total - done))) left" }
    standardError("\r\u{1b}[K\(Diagnostic.printable(line))")
  }

  private static func text(_ seconds: Double) -> String {
    seconds < 90 ? "\(fixed(seconds, 0)) s" : "\(fixed(seconds / 60, 0)) min"
  }
}
