import CLinux
import Glibc

/// Signals taken as readable records instead of interruptions (signalfd(2)).
public final class SignalDescriptor: Sendable {
  public let descriptor: FileDescriptor
  private let ignored: [Int32]

  /// Blocks `signals` for the calling thread, and those it starts later, and takes them here instead.
  /// - Parameter ignored: those of them that come only where they were meant for this very process, by
  ///   ``OtherProcess/send(_:)``, and not where they are for whoever has a terminal or is in a process group.
  public init(_ signals: [Int32], ignoring ignored: [Int32] = []) throws(SystemError) {
    self.ignored = ignored
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
    let flags = Int32(SFD_CLOEXEC | SFD_NONBLOCK)
    descriptor = FileDescriptor(owning: Int32(try checking("signalfd") { Int(signalfd(-1, &set, flags)) }))
  }

  /// The next signal's number; nil when none is waiting.
  public func next() -> Int32? {
    nextRecord()?.number
  }

  /// As ``next()``, and whether it was sent to the whole process group, as by the keys of a terminal.
  public func nextRecord() -> (number: Int32, isOfTerminal: Bool)? {
    var record = signalfd_siginfo()
    let size = MemoryLayout<signalfd_siginfo>.size
    repeat {
      guard Glibc.read(descriptor.raw, &record, size) == size else { return nil }
    } while ignored.contains(Int32(record.ssi_signo)) && record.ssi_code != CLINUX_SI_QUEUE
    return (Int32(record.ssi_signo), record.ssi_code == SI_KERNEL)
  }
}

/// Numbers of signal(7), and what is done with them.
public enum Signal {
  public static let hangUp = SIGHUP
  public static let terminate = SIGTERM
  public static let windowChanged = SIGWINCH
  public static let childChanged = SIGCHLD
  public static let freeze = SIGSTOP
  public static let stop = SIGTSTP
  public static let `continue` = SIGCONT
  /// A process in the background reads from its terminal, or changes it.
  public static let backgroundInput = SIGTTIN
  public static let backgroundOutput = SIGTTOU

  /// What ends a process that does nothing about it, other than faults and SIGKILL, as ``heeded(_:)``; without SIGUSR1,
  /// by which threads are kicked.
  public static var ending: [Int32] {
    heeded([
      SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGIO, SIGPWR,
    ])
  }

  /// Those of `signals` that the process was not started to ignore, as by nohup(1), and SIGTERM.
  public static func heeded(_ signals: [Int32]) -> [Int32] {
    signals.filter { $0 == SIGTERM || !isIgnored($0) }
  }

  /// Makes a write that nobody will read, or that is over a limit, fail instead of ending the process.
  public static func ignoreFailedWrites() {
    signal(SIGPIPE, SIG_IGN)
    ignoreFileSizeLimit()
  }

  /// Makes a write that would make a file longer than it may be (setrlimit(2), RLIMIT_FSIZE) fail instead of ending the
  /// process.
  public static func ignoreFileSizeLimit() { signal(SIGXFSZ, SIG_IGN) }

  /// Lets the ends of children be waited for, also where this process was started to ignore them.
  public static func heedChildren() { signal(childChanged, SIG_DFL) }

  /// Lets this process set its terminal while it is in the background, instead of being stopped for that.
  public static func ignoreBackgroundOutput() { signal(backgroundOutput, SIG_IGN) }

  /// Stops the process as ``stop`` does by default, so not at all where nobody could continue it (an orphaned process
  /// group). Returns when it was continued.
  public static func stopProcess() {
    var set = sigset_t()
    var before = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, stop)
    pthread_sigmask(SIG_UNBLOCK, &set, &before)
    pthread_kill(pthread_self(), stop)
    pthread_sigmask(SIG_SETMASK, &before, nil)
  }

  private static func isIgnored(_ signal: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(signal, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
