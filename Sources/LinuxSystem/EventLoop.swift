import CLinux
import Glibc

/// One thread's reactor over epoll(7): calls a handler whenever its descriptor is ready, and work posted to it.
///
/// Not Sendable: it belongs to the thread that runs it. Others hold its ``Mailbox``.
public final class EventLoop {
  public struct Interest: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let readable = Interest(rawValue: EPOLLIN.rawValue)
    public static let writable = Interest(rawValue: EPOLLOUT.rawValue)
    /// Told once for each change, instead of for as long as it lasts.
    public static let onChange = Interest(rawValue: EPOLLET.rawValue)
    /// The peer is gone; always reported, asked for or not.
    public static let hangUp = Interest(rawValue: EPOLLHUP.rawValue | EPOLLERR.rawValue)
  }

  /// Names one registration. A descriptor number that is used again gets a new one, so a late event for the old
  /// registration finds nobody.
  public struct Registration: Hashable, Sendable {
    fileprivate let key: UInt64
    fileprivate let descriptor: Int32
  }

  /// How other threads reach the loop.
  public let mailbox: Mailbox
  private let epoll: FileDescriptor
  private var handlers: [UInt64: (Interest) -> Void] = [:]
  private var nextKey: UInt64 = 1
  private var running = true
  private var postponed: [() -> Void] = []

  public init() throws(SystemError) {
    epoll = FileDescriptor(
      owning: Int32(try checking("epoll_create1") { Int(epoll_create1(Int32(EPOLL_CLOEXEC))) }))
    mailbox = try Mailbox()
    try control(EPOLL_CTL_ADD, mailbox.wake.descriptor.raw, .readable, key: 0)
  }

  /// Calls `handler` on this thread whenever `descriptor`, which must outlive the registration, is ready.
  /// - Throws: EPERM for regular files, which epoll does not take.
  public func register(
    _ descriptor: borrowing FileDescriptor, _ interest: Interest, _ handler: @escaping (Interest) -> Void
  ) throws(SystemError) -> Registration {
    let registration = Registration(key: nextKey, descriptor: descriptor.raw)
    try control(EPOLL_CTL_ADD, descriptor.raw, interest, key: nextKey)
    nextKey += 1
    handlers[registration.key] = handler
    return registration
  }

  /// Changes what a registration waits for; nothing at all is allowed.
  public func update(_ registration: Registration, _ interest: Interest) throws(SystemError) {
    try control(EPOLL_CTL_MOD, registration.descriptor, interest, key: registration.key)
  }

  /// Ends a registration; its handler is not called again, even for an event already taken from the kernel.
  public func unregister(_ registration: Registration) {
    guard handlers.removeValue(forKey: registration.key) != nil else { return }
    _ = try? control(EPOLL_CTL_DEL, registration.descriptor, [], key: registration.key)
  }

  /// Runs until ``stop()``. Work posted until then is done; later ``Mailbox/post(_:)`` refuses it. At the end all
  /// registrations are dropped, so that nobody is kept alive by waiting here.
  public func run() throws(SystemError) {
    defer {
      mailbox.close(for: self)
      // Who is kept alive by these only may end other registrations when it goes.
      let last = (handlers, postponed)
      handlers = [:]
      postponed = []
      withExtendedLifetime(last) {}
    }
    var events = [epoll_event](repeating: epoll_event(), count: 32)
    while running {
      let patience: Int32 = postponed.isEmpty ? -1 : 0
      let count = try retrying("epoll_wait") { Int(epoll_wait(epoll.raw, &events, 32, patience)) }
      for event in events.prefix(count) {
        if event.data.u64 == 0 {
          mailbox.deliver(to: self)
        } else {
          handlers[event.data.u64]?(Interest(rawValue: event.events))
        }
      }
      doPostponed()
    }
  }

  /// Calls `body` when all events at hand have been dealt with: for work that lets others have their turn.
  public func later(_ body: @escaping () -> Void) { postponed.append(body) }

  private func doPostponed() {
    let bodies = postponed
    postponed.removeAll()
    for body in bodies { body() }
  }

  /// Ends ``run()`` after the events at hand.
  public func stop() { running = false }

  private func control(
    _ operation: Int32, _ descriptor: Int32, _ interest: Interest, key: UInt64
  ) throws(SystemError) {
    var event = epoll_event(events: interest.rawValue, data: epoll_data_t(u64: key))
    _ = try checking("epoll_ctl") { Int(epoll_ctl(epoll.raw, operation, descriptor, &event)) }
  }
}

extension EventLoop {
  /// The Sendable side of a loop: work put in here runs on the loop's thread.
  public final class Mailbox: Sendable {
    private struct Work {
      let body: (EventLoop) -> Void
    }
    fileprivate let wake: EventDescriptor
    private struct State {
      var waiting: [Work] = []
      var isClosed = false
    }
    private let state = Lock(State())

    fileprivate init() throws(SystemError) { wake = try EventDescriptor() }

    /// Runs `body` on the loop's thread, after what was posted before.
    /// - Returns: false, with nothing run, where the loop has ended.
    @discardableResult
    public func post(_ body: sending @escaping (EventLoop) -> Void) -> Bool {
      let item = Work(body: body)
      let accepted = state.withLock { state in
        if !state.isClosed { state.waiting.append(item) }
        return !state.isClosed
      }
      if accepted { wake.signal() }
      return accepted
    }

    fileprivate func deliver(to loop: EventLoop) {
      wake.drain()
      for item in take() { item.body(loop) }
    }

    fileprivate func close(for loop: EventLoop) {
      state.withLock { $0.isClosed = true }
      for item in take() { item.body(loop) }
    }

    private func take() -> [Work] {
      state.withLock { state in
        defer { state.waiting.removeAll() }
        return state.waiting
      }
    }
  }
}

/// A value that belongs to one loop's thread, held by others who cannot reach it.
///
/// Sendable: the value moves in by `sending`, and comes out only for who shows the loop, which is not Sendable and so
/// is on its own thread.
public final class LoopConfined<Value>: @unchecked Sendable {
  private let value: Value
  private let mailbox: EventLoop.Mailbox

  public init(_ value: sending Value, to mailbox: EventLoop.Mailbox) {
    self.value = value
    self.mailbox = mailbox
  }

  public func value(on loop: EventLoop) -> Value {
    precondition(loop.mailbox === mailbox, "this value belongs to another loop")
    return value
  }
}
