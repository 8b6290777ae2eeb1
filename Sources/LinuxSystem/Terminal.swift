import CLinux
import Glibc
import Synchronization

/// A terminal that is put into raw mode and back (termios(3)).
///
/// While it is raw, a fault of this process brings the attributes back before the process dies of it, and
/// ``standardError(_:)`` ends its lines as a raw terminal needs it. One terminal at a time can be raw.
public struct Terminal: ~Copyable {
  /// Whose terminal it is (credentials(7), job control).
  public enum Standing: Sendable {
    /// This process may use it: its process group is in the foreground, or the terminal controls no session.
    case foreground
    /// Other processes use it now.
    case background
    /// It has hung up.
    case gone
  }

  private let descriptor: Int32
  /// How it was before it was made raw.
  private var original: termios?
  /// How it was read back after it had been made raw.
  private var raw = termios()
  private var keeper: TerminalGuard?

  /// - Returns: nil where the descriptor is no terminal.
  public init?(_ descriptor: Int32) {
    guard Terminal.isTerminal(descriptor) else { return nil }
    self.descriptor = descriptor
  }

  public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

  public var standing: Standing {
    let group = tcgetpgrp(descriptor)
    let code = errno
    // In a namespace of processes where the groups are not seen, reading nothing tells (SIGTTIN is blocked, or ignored).
    if group == 0 { return Glibc.read(descriptor, nil, 0) < 0 && errno == EIO ? .background : .foreground }
    if group > 0 { return group == getpgrp() ? .foreground : .background }
    return code == ENOTTY && Terminal.isTerminal(descriptor) ? .foreground : .gone
  }

  /// Every byte goes through as it is, in both directions, and no key makes a signal. What it is brought back to is how
  /// it is now, or what it was when it is raw from before.
  /// - Returns: false where the terminal does not take it.
  public mutating func makeRaw() -> Bool {
    guard let now = attributes() else { return false }
    if original == nil || !Terminal.areEqual(now, raw) { original = now }
    var wanted = now
    cfmakeraw(&wanted)
    guard let original, tcsetattr(descriptor, TCSANOW, &wanted) == 0, let applied = attributes() else {
      return false
    }
    raw = applied
    RawTerminal.began(on: descriptor, before: original)
    return true
  }

  /// Has a raw terminal brought back also where this process, which may have one thread only, is killed.
  public mutating func keepWhenKilled() {
    guard keeper == nil else { return }
    keeper = TerminalGuard(of: descriptor) { restore() }
  }

  /// Brings back the attributes from before it was raw; in the background only where they are still the raw ones, and
  /// not what the processes there have made of them. SIGTTOU must be blocked or ignored.
  public mutating func restore() {
    guard var before = original else { return }
    if standing == .foreground || attributes().map({ Terminal.areEqual($0, raw) }) == true {
      tcsetattr(descriptor, TCSANOW, &before)
    }
    original = nil
    RawTerminal.ended()
    keeper.take()?.end()
  }

  /// Columns and rows (ioctl_tty(2), TIOCGWINSZ); nil where the descriptor is no terminal or has no size.
  public static func size(_ descriptor: Int32) -> (columns: UInt16, rows: UInt16)? {
    var size = winsize()
    guard clinux_ioctl(descriptor, UInt(TIOCGWINSZ), &size) >= 0, size.ws_col > 0 else { return nil }
    return (size.ws_col, size.ws_row)
  }

  private func attributes() -> termios? {
    var attributes = termios()
    return tcgetattr(descriptor, &attributes) == 0 ? attributes : nil
  }

  private static func areEqual(_ one: termios, _ other: termios) -> Bool {
    one.c_iflag == other.c_iflag && one.c_oflag == other.c_oflag && one.c_cflag == other.c_cflag
      && one.c_lflag == other.c_lflag
      && withUnsafeBytes(of: one.c_cc) { one in withUnsafeBytes(of: other.c_cc) { one.elementsEqual($0) } }
  }
}

/// What the whole process must know of a raw terminal: how to bring it back from the handler of a fault, where only
/// plain memory may be touched and tcsetattr called (signal-safety(7)), and how standard error's lines end.
enum RawTerminal {
  private struct Saved {
    var descriptor: Int32
    var attributes: termios
  }

  private static let faults = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]
  /// Written by the one thread that holds the terminal, before ``isRaw``.
  nonisolated(unsafe) private static let saved: UnsafeMutablePointer<Saved> = {
    let saved = UnsafeMutablePointer<Saved>.allocate(capacity: 1)
    saved.initialize(to: Saved(descriptor: -1, attributes: termios()))
    return saved
  }()
  private static let isRaw = Atomic(false)
  private static let needsCarriageReturn = Atomic(false)

  /// Whether a line on standard error must bring the cursor back by itself.
  static var standardErrorIsRaw: Bool { needsCarriageReturn.load(ordering: .relaxed) }

  static func began(on descriptor: Int32, before attributes: termios) {
    saved.pointee = Saved(descriptor: descriptor, attributes: attributes)
    isRaw.store(true, ordering: .releasing)
    needsCarriageReturn.store(isatty(STDERR_FILENO) == 1, ordering: .relaxed)
    for fault in faults {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { RawTerminal.restoreAndDie(of: $0) }
      // The second time the fault kills, as it would have without a terminal to bring back.
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_NODEFER
      sigaction(fault, &action, nil)
    }
  }

  static func ended() {
    isRaw.store(false, ordering: .releasing)
    needsCarriageReturn.store(false, ordering: .relaxed)
    for fault in faults { signal(fault, SIG_DFL) }
  }

  private static func restoreAndDie(of fault: Int32) {
    restoreAfterFault()
    raise(fault)
  }

  /// Brings the terminal back, from the handler of a fault; nothing where it is not raw.
  static func restoreAfterFault() {
    if isRaw.load(ordering: .acquiring) {
      tcsetattr(saved.pointee.descriptor, TCSANOW, &saved.pointee.attributes)
    }
  }
}
