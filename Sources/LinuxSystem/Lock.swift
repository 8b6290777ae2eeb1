import CLinux
import Glibc

/// A value that only one thread at a time may touch, behind a POSIX mutex.
///
/// Sendable: the state is reached through ``withLock(_:)`` alone, one thread at a time, and moves in by `sending`.
/// (Not `Synchronization.Mutex`: the thread sanitizer does not see its futex and reports races that are none.)
public final class Lock<State>: @unchecked Sendable {
  private var state: State
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  public init(_ state: sending State) {
    self.state = state
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  @inlinable
  public func withLock<Result, Failure: Error>(
    _ body: (inout State) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    acquire()
    defer { release() }
    return try body(&value)
  }

  @usableFromInline func acquire() { pthread_mutex_lock(mutex) }
  @usableFromInline func release() { pthread_mutex_unlock(mutex) }
  @usableFromInline var value: State {
    _read { yield state }
    _modify { yield &state }
  }
}
