import CLinux
import Glibc

/// A named POSIX thread. Its body is moved into it; nothing else of the caller's is shared but what is Sendable.
public struct Thread: ~Copyable, Sendable {
  private let identifier: pthread_t

  /// Starts a thread that runs `body` and ends.
  /// - Parameter name: at most 15 bytes are kept (prctl(2), PR_SET_NAME).
  public init(name: String, _ body: sending @escaping () -> Void) throws(SystemError) {
    let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
    var identifier = pthread_t()
    let code = pthread_create(
      &identifier, nil,
      { argument in
        guard let argument else { return nil }
        let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
        _ = clinux_set_thread_name(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    if code != 0 {
      start.release()
      throw SystemError(call: "pthread_create", operand: name, code: code)
    }
    self.identifier = identifier
  }

  /// Waits for the thread's end.
  public consuming func join() { pthread_join(identifier, nil) }

  /// Interrupts a blocking system call of the thread. Nothing happens after its end, before ``join()``.
  public func kick() { pthread_kill(identifier, Thread.kickSignal) }

  /// How often the calling thread has waited for something (getrusage(2), ru_nvcsw).
  public static func waits() -> Int { Int(clinux_thread_waits()) }

  static var kickSignal: Int32 { SIGUSR1 }

  /// Makes ``kick()`` interrupt calls instead of ending the process; once, before the threads to kick are started:
  /// they inherit that the signal is not blocked, which a parent process may have left otherwise.
  public static func installKickHandler() {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, kickSignal)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in }
    sigaction(kickSignal, &action, nil)
  }
}

/// Lets all threads share one heap: less memory and a faster start, for programs whose threads rarely allocate at the
/// same time. Once, before any thread is started.
public func shareOneHeap() { clinux_use_one_arena() }

/// Takes the program's own instructions and constants out of this process, to be mapped again page by page as they are
/// used: after the start, most of them are not. They stay in the page cache, so each costs less than a microsecond.
public func releaseUnusedProgram() { clinux_release_program() }

private final class ThreadStart {
  let name: String
  let body: () -> Void
  init(name: String, body: @escaping () -> Void) {
    self.name = name
    self.body = body
  }
}
