import CLinux
import Glibc

/// A gate that opens once a number of arrivals have been counted.
///
/// Sendable: the count is touched under the mutex alone.
public final class Latch: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let opened: UnsafeMutablePointer<pthread_cond_t>
  private var missing: Int

  public init(arrivals: Int) {
    missing = arrivals
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    pthread_mutex_init(mutex, nil)
    opened = .allocate(capacity: 1)
    opened.initialize(to: pthread_cond_t())
    pthread_cond_init(opened, nil)
  }

  deinit {
    pthread_cond_destroy(opened)
    opened.deallocate()
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  public func arrive() {
    pthread_mutex_lock(mutex)
    missing -= 1
    if missing <= 0 { pthread_cond_broadcast(opened) }
    pthread_mutex_unlock(mutex)
  }

  public func wait() {
    pthread_mutex_lock(mutex)
    while missing > 0 { pthread_cond_wait(opened, mutex) }
    pthread_mutex_unlock(mutex)
  }
}
