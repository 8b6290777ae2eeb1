/// What a device may move and do at most: each nil where there is no limit.
public struct RateLimit: Sendable, Equatable {
  /// Tokens that come back at a steady pace.
  public struct Bucket: Sendable, Equatable {
    /// The most tokens that come together: bytes or operations.
    public let size: UInt64
    /// Milliseconds in which an empty bucket becomes full.
    public let refillMilliseconds: UInt64
    /// Tokens beside those, once.
    public let burst: UInt64

    /// Throws a `Diagnostic` with status `usage` for a bucket that would let nothing through, or is out of all measure.
    public init(size: UInt64, refillMilliseconds: UInt64, burst: UInt64 = 0) throws(Diagnostic) {
      guard size > 0, (1...Limits.refillMilliseconds).contains(refillMilliseconds) else {
        throw Diagnostic(
          .usage, "bad rate limit", which: "\(size) in \(refillMilliseconds) ms",
          mend: "use at least 1, in 1 to \(Limits.refillMilliseconds) ms")
      }
      self.size = size
      self.refillMilliseconds = refillMilliseconds
      self.burst = burst
    }

    /// So many in each second, and never more than that at once.
    public init(perSecond rate: UInt64) throws(Diagnostic) {
      guard rate > 0 else {
        throw Diagnostic(.usage, "bad rate limit", which: "0 a second", mend: "use at least 1")
      }
      try self.init(size: rate, refillMilliseconds: 1000)
    }
  }

  public let bandwidth: Bucket?
  public let operations: Bucket?

  /// Nil where nothing is limited.
  public init?(bandwidth: Bucket?, operations: Bucket?) {
    if bandwidth == nil, operations == nil { return nil }
    self.bandwidth = bandwidth
    self.operations = operations
  }
}
