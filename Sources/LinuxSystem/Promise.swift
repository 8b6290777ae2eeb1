/// A value that one thread makes while others go on, and wait for where they need it.
public final class Promise<Value: Sendable>: Sendable {
  private let value = Lock<Value?>(nil)
  private let made = Latch(arrivals: 1)

  public init() {}

  /// Hands the value to all who wait for it, now and later; once.
  public func keep(_ value: Value) {
    self.value.withLock { $0 = value }
    made.arrive()
  }

  /// The value, as soon as there is one.
  public func wait() -> Value {
    made.wait()
    return value.withLock { value in
      guard let value else { preconditionFailure("the latch opens after the value is there") }
      return value
    }
  }
}
