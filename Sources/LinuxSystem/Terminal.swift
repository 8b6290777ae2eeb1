import CLinux
import Glibc

/// A terminal that is put into raw mode and back (termios(3)).
public struct Terminal: ~Copyable {
  private let descriptor: Int32
  private let original: termios

  /// - Returns: nil where the descriptor is no terminal.
  public init?(_ descriptor: Int32) {
    var attributes = termios()
    guard tcgetattr(descriptor, &attributes) == 0 else { return nil }
    self.descriptor = descriptor
    original = attributes
  }

  /// Every byte goes through as it is, in both directions, and no key makes a signal.
  public func makeRaw() {
    var raw = original
    cfmakeraw(&raw)
    tcsetattr(descriptor, TCSANOW, &raw)
  }

  /// Brings back the attributes it was made with.
  public func restore() {
    var attributes = original
    tcsetattr(descriptor, TCSANOW, &attributes)
  }

  /// Columns and rows (ioctl_tty(2), TIOCGWINSZ); nil where the descriptor is no terminal or has no size.
  public static func size(_ descriptor: Int32) -> (columns: UInt16, rows: UInt16)? {
    var size = winsize()
    guard clinux_ioctl(descriptor, UInt(TIOCGWINSZ), &size) >= 0, size.ws_col > 0 else { return nil }
    return (size.ws_col, size.ws_row)
  }
}
