import CLinux
import Glibc

/// Signals taken as readable records instead of interruptions (signalfd(2)).
public struct SignalDescriptor: ~Copyable, Sendable {
  public let descriptor: FileDescriptor

  /// Blocks `signals` for the calling thread, and those it starts later, and takes them here instead.
  public init(_ signals: [Int32]) throws(SystemError) {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    let flags = Int32(SFD_CLOEXEC | SFD_NONBLOCK)
    descriptor = FileDescriptor(owning: Int32(try checking("signalfd") { Int(signalfd(-1, &set, flags)) }))
  }

  /// The next signal's number; nil when none is waiting.
  public func next() -> Int32? {
    var record = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    return Glibc.read(descriptor.raw, &record, size) == size ? Int32(record.ssi_signo) : nil
  }
}

/// Numbers of signal(7).
public enum Signal {
  public static let hangUp = SIGHUP
  public static let interrupt = SIGINT
  public static let quit = SIGQUIT
  public static let terminate = SIGTERM
  public static let windowChanged = SIGWINCH
}
