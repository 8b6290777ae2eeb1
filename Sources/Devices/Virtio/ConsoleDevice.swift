public import GuestMemory

/// Where a console's output goes.
public protocol ConsoleOutput: AnyObject {
  /// Writes the bytes of `slices` in order and returns how many were taken. Fewer than all means that it would have
  /// to wait: whoever implements this calls `ConsoleDevice.resumeOutput` when there is room again.
  func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int
}

/// The size of a terminal in characters.
public struct ConsoleSize: Sendable, Equatable {
  public let columns: UInt16
  public let rows: UInt16

  public init(columns: UInt16, rows: UInt16) {
    self.columns = columns
    self.rows = rows
  }
}

/// A console with one port (virtio 1.2, section 5.3). Belongs to the I/O thread.
public final class ConsoleDevice: VirtioDevice {
  private enum Queue {
    static let receive = 0
    static let transmit = 1
  }
  /// VIRTIO_CONSOLE_F_SIZE.
  private static let sizeFeature = Features(rawValue: 1 << 0)
  /// Linux fills the receive queue when it probes; each buffer more is work before the first user instruction.
  private static let queueSizes: [UInt16] = [8, 64]
  private static let inputLimit = 4096
  /// The bytes one call to `process` writes at most.
  private static let outputLimit = 1 << 20

  public let identity: VirtioIdentity
  private let output: any ConsoleOutput
  private let hasSize: Bool
  private var activation: VirtioActivation?
  private var pendingInput: [UInt8] = []
  /// Bytes of the transmit queue's next chain that are written already.
  private var written = 0
  private var slices: [GuestSlice] = []
  /// The queues that were the occasion to announce the size. Linux 6.1 looks at it only when told that it changed, and
  /// not before its port exists: told when the receive queue is filled, and again at the first output, when the
  /// terminal is open.
  private var sizeAnnouncements: Set<Int> = []

  /// - Parameter size: The terminal's size, nil if there is no terminal: then the driver is not told of sizes.
  public init(output: any ConsoleOutput, size: ConsoleSize?) {
    self.output = output
    hasSize = size != nil
    identity = VirtioIdentity(
      name: "console", deviceID: 3, features: size == nil ? [] : Self.sizeFeature,
      queueSizes: Self.queueSizes,
      configuration: ConfigurationSpace(Self.fields(size ?? ConsoleSize(columns: 0, rows: 0))))
  }

  /// cols, rows, max_nr_ports, emerg_wr (5.3.4).
  private static func fields(_ size: ConsoleSize) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: size.columns)
    bytes.append(littleEndian: size.rows)
    bytes.append(littleEndian: UInt32(1))
    bytes.append(littleEndian: UInt32(0))
    return bytes
  }

  public func activate(_ activation: VirtioActivation) {
    self.activation = activation
    written = 0
    sizeAnnouncements = []
  }

  public func reset() {
    activation = nil
    sizeAnnouncements = []
  }

  public func process(queue: Int) -> Bool {
    switch queue {
    case Queue.receive:
      if activation?.queues[queue]?.hasAvailable() == true { announceSize(for: queue) }
      deliverInput()
      return false
    case Queue.transmit: return transmit()
    default: return false
    }
  }

  /// The terminal has a new size.
  public func resize(to size: ConsoleSize) {
    guard hasSize else { return }
    identity.configuration.replace(Self.fields(size))
    if !sizeAnnouncements.isEmpty { activation?.interrupt.configurationChanged() }
  }

  /// Bytes `input` takes now. When this is 0, look again after the receive queue was processed.
  public var inputRoom: Int { Self.inputLimit - pendingInput.count }

  /// Gives the guest the bytes there is room for and returns their number.
  public func input(_ bytes: some Collection<UInt8>) -> Int {
    let taken = bytes.prefix(inputRoom)
    pendingInput += taken
    deliverInput()
    return taken.count
  }

  /// The output has room again.
  /// - Returns: As `process`, for the transmit queue.
  public func resumeOutput() -> Bool { transmit() }

  private func deliverInput() {
    guard let activation, let queue = activation.queues[Queue.receive] else { return }
    var stop = VirtioQueue.Stop.limit
    while !pendingInput.isEmpty, stop == .limit {
      var delivered = 0
      stop = queue.serve { chain throws(DriverViolation) in
        guard chain.writableCount > 0 else { throw .requestLayout }
        guard delivered < pendingInput.count else { return .later }
        var cursor = ChainCursor(writable: chain)
        let count = cursor.write(pendingInput, from: delivered, to: activation.memory)
        delivered += count
        return .used(UInt32(count))
      }
      pendingInput.removeFirst(delivered)
    }
  }

  private func transmit() -> Bool {
    guard let activation, let queue = activation.queues[Queue.transmit] else { return false }
    var budget = Self.outputLimit
    var isBlocked = false
    let stop = queue.serve { chain throws(DriverViolation) in
      guard chain.readableCount > 0 else { throw .requestLayout }
      announceSize(for: Queue.transmit)
      var cursor = ChainCursor(readable: chain)
      cursor.skip(written)
      slices.removeAll(keepingCapacity: true)
      cursor.take(budget, into: &slices)
      let offered = slices.reduce(0) { $0 + $1.count }
      let taken = offered == 0 ? 0 : min(max(output.write(slices, of: activation.memory), 0), offered)
      isBlocked = taken < offered
      budget -= taken
      written += taken
      guard !isBlocked, cursor.remaining == 0 else { return .later }
      written = 0
      return .used(0)
    }
    switch stop {
    case .limit: return true
    case .later: return !isBlocked
    case .empty, .failed: return false
    }
  }

  private func announceSize(for queue: Int) {
    guard let activation, activation.features.contains(Self.sizeFeature) else { return }
    if sizeAnnouncements.insert(queue).inserted { activation.interrupt.configurationChanged() }
  }
}
