public import GuestMemory

/// Where random bytes come from.
public protocol EntropySource: AnyObject {
  /// Fills the front of `slices` with random bytes and returns their number; 0 if there are none now.
  func fill(_ slices: [GuestSlice], of memory: GuestMemory) -> Int
}

/// A source of random bytes (virtio 1.2, section 5.4). Belongs to the I/O thread.
public final class EntropyDevice: VirtioDevice {
  private static let queueSize: UInt16 = 8
  /// Bytes a request gets at most, so that no driver keeps the thread; it may ask again.
  private static let requestLimit = 64 << 10

  public let identity = VirtioIdentity(
    deviceID: 4, features: [], queueSizes: [queueSize],
    configuration: ConfigurationSpace([]))
  private let source: any EntropySource
  private let gate: RateGate?
  private var activation: VirtioActivation?
  private var slices: [GuestSlice] = []

  /// - Parameter gate: what requests wait at; nil where nothing is limited.
  public init(source: any EntropySource, gate: RateGate? = nil) {
    self.source = source
    self.gate = gate
  }

  public func activate(_ activation: VirtioActivation) { self.activation = activation }

  public func reset() { activation = nil }

  /// Where requests wait for the rate, false is returned: to be called again when the alarm rings.
  public func process(queue: Int) -> Bool {
    guard queue == 0, let activation, let ring = activation.queues[0] else { return false }
    let stop = ring.serve { chain throws(DriverViolation) in
      guard chain.writableCount > 0 else { throw .requestLayout }
      let count = min(chain.writableCount, Self.requestLimit)
      if let gate {
        guard gate.admits(bytes: count) else { return .later }
        gate.charge(bytes: count)
      }
      var cursor = ChainCursor(writable: chain)
      slices.removeAll(keepingCapacity: true)
      cursor.take(count, into: &slices)
      return .used(UInt32(min(max(source.fill(slices, of: activation.memory), 0), count)))
    }
    return stop == .limit
  }
}
