public import GuestMemory

/// What takes back memory that the guest does without.
public protocol BalloonMemory: AnyObject {
  /// Gives the whole pages within `slice` back to the host. They stay the guest's: what it touches again is zero.
  func release(_ slice: GuestSlice, of memory: GuestMemory)
}

/// A memory balloon (virtio 1.2, section 5.5): the guest puts pages into it that the host may have, and takes them out
/// when it is told to. Belongs to the I/O thread.
public final class BalloonDevice: VirtioDevice {
  /// What a balloon does beside growing and shrinking.
  public struct Options: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The guest may take pages out on its own when it runs out of memory.
    public static let deflatesOnOOM = Options(rawValue: 1)
    /// The guest tells of its memory when asked.
    public static let statistics = Options(rawValue: 2)
    /// The guest tells which pages are free, for as long as they are.
    public static let reporting = Options(rawValue: 4)
  }

  /// VIRTIO_BALLOON_F_*.
  private enum Feature {
    static let statistics = Features(rawValue: 1 << 1)
    static let deflateOnOOM = Features(rawValue: 1 << 2)
    static let reporting = Features(rawValue: 1 << 5)
  }

  private enum Role { case inflate, deflate, statistics, reporting }

  /// Bytes of a page of the balloon, whatever the guest's own pages are.
  public static let pageSize: UInt64 = 4096
  private static let queueSize: UInt16 = 128
  /// Pages one request may name, and one call to `process` releases. Linux names 256 in a request.
  private static let pageLimit = 1 << 16

  public let identity: VirtioIdentity
  private let host: any BalloonMemory
  private var report: ((BalloonStatistics) -> Void)?
  /// Whether an account was asked for that has not come: a guest that gives more of them is not heard.
  private var isAsked = false
  private var activation: VirtioActivation?
  /// By queue. A queue whose feature was not agreed on is left out, and the later ones move up, as drivers have it.
  private var roles: [Role] = []

  /// - Parameter pages: how many the guest is to put in.
  public init(pages: UInt32, options: Options, host: any BalloonMemory) {
    self.host = host
    var features: Features = []
    if options.contains(.statistics) { features.insert(Feature.statistics) }
    if options.contains(.deflatesOnOOM) { features.insert(Feature.deflateOnOOM) }
    if options.contains(.reporting) { features.insert(Feature.reporting) }
    var fields: [UInt8] = []
    fields.append(littleEndian: pages)
    fields.append(littleEndian: UInt32(0))
    identity = VirtioIdentity(
      deviceID: 5, features: features,
      queueSizes: [UInt16](repeating: Self.queueSize, count: Self.roles(features).count),
      // num_pages is the device's, actual the driver's (5.5.4).
      configuration: ConfigurationSpace(fields, writable: 4..<8))
  }

  private static func roles(_ features: Features) -> [Role] {
    var roles: [Role] = [.inflate, .deflate]
    if features.contains(Feature.statistics) { roles.append(.statistics) }
    if features.contains(Feature.reporting) { roles.append(.reporting) }
    return roles
  }

  /// How many pages the guest says it has put in: a number of its own choice.
  public var actualPages: UInt32 {
    UInt32(truncatingIfNeeded: identity.configuration.read(offset: 4, width: .double))
  }

  /// How many pages the guest is to put in.
  public var targetPages: UInt32 {
    get { UInt32(truncatingIfNeeded: identity.configuration.read(offset: 0, width: .double)) }
    set {
      var field: [UInt8] = []
      field.append(littleEndian: newValue)
      identity.configuration.replace(field)
      activation?.interrupt.configurationChanged()
    }
  }

  /// Has `handler` called with what the guest tells of its memory: once after each ``requestStatistics()``.
  public func whenToldStatistics(_ handler: @escaping (BalloonStatistics) -> Void) { report = handler }

  /// Asks the guest for news of its memory; without effect while it has not answered an earlier question.
  public func requestStatistics() {
    guard let queue = roles.firstIndex(of: .statistics) else { return }
    exchangeStatistics(queue, returning: true)
  }

  public func activate(_ activation: VirtioActivation) {
    self.activation = activation
    roles = Self.roles(activation.features)
  }

  public func reset() {
    activation = nil
    roles = []
    isAsked = false
  }

  public func process(queue: Int) -> Bool {
    guard roles.indices.contains(queue), let activation, let ring = activation.queues[queue] else {
      return false
    }
    switch roles[queue] {
    case .inflate: return inflate(ring, activation.memory)
    case .deflate:
      // Nothing to do: a page comes back when it is touched.
      return ring.serve { chain throws(DriverViolation) in
        guard chain.readableCount.isMultiple(of: 4) else { throw .requestLayout }
        return .used(0)
      } == .limit
    case .statistics:
      exchangeStatistics(queue, returning: false)
      return false
    case .reporting:
      return ring.serve { chain throws(DriverViolation) in
        for slice in chain.writable { host.release(slice, of: activation.memory) }
        return .used(0)
      } == .limit
    }
  }

  private func inflate(_ ring: VirtioQueue, _ memory: GuestMemory) -> Bool {
    var budget = Self.pageLimit
    let stop = ring.serve { chain throws(DriverViolation) in
      guard budget > 0 else { return .later }
      guard chain.readableCount % 4 == 0, chain.readableCount <= 4 * Self.pageLimit else {
        throw .requestLayout
      }
      budget -= chain.readableCount / 4
      try release(ChainCursor(readable: chain), memory)
      return .used(0)
    }
    return stop == .limit || stop == .later
  }

  /// Releases the pages whose numbers follow, each run of neighbours at once.
  private func release(_ numbers: consuming ChainCursor, _ memory: GuestMemory) throws(DriverViolation) {
    var bytes = InlineArray<1024, UInt8>(repeating: 0)
    var run = PageRun()
    while numbers.remaining > 0 {
      var span = bytes.mutableSpan
      let count = numbers.read(into: &span, from: memory)
      for place in stride(from: 0, to: count, by: 4) {
        var number: UInt64 = 0
        for index in 0..<4 { number |= UInt64(bytes[place + index]) << UInt64(8 * index) }
        if run.extend(by: number) { continue }
        try release(run, memory)
        run = PageRun(first: number, count: 1)
      }
    }
    try release(run, memory)
  }

  private func release(_ run: PageRun, _ memory: GuestMemory) throws(DriverViolation) {
    guard run.count > 0 else { return }
    let address = GuestAddress(run.first * Self.pageSize)
    guard let slice = try? memory.slice(at: address, count: run.count * Self.pageSize) else {
      throw .balloonPage
    }
    host.release(slice, of: memory)
  }

  /// The guest's buffer stays with the device until it is asked for the next one (5.5.6.3).
  private func exchangeStatistics(_ queue: Int, returning: Bool) {
    guard let activation, let ring = activation.queues[queue] else { return }
    var isReturning = returning
    _ = ring.serve { chain throws(DriverViolation) in
      guard chain.readableCount <= BalloonStatistics.byteLimit,
        chain.readableCount % BalloonStatistics.entryBytes == 0
      else { throw .requestLayout }
      if isReturning {
        isReturning = false
        isAsked = true
        return .used(0)
      }
      if isAsked {
        isAsked = false
        var cursor = ChainCursor(readable: chain)
        report?(BalloonStatistics(cursor.read(chain.readableCount, from: activation.memory)))
      }
      return .later
    }
  }
}

/// Pages one after the other.
private struct PageRun {
  var first: UInt64 = 0
  var count: UInt64 = 0

  /// Takes a page in that is a neighbour, or in it already.
  mutating func extend(by number: UInt64) -> Bool {
    if count > 0, number >= first, number < first + count { return true }
    if count > 0, number == first + count {
      count += 1
      return true
    }
    guard count > 0, number + 1 == first else { return false }
    first = number
    count += 1
    return true
  }
}

/// What a guest tells of its memory (virtio 1.2, 5.5.6.4): any numbers it likes.
public struct BalloonStatistics: Sendable, Equatable {
  /// VIRTIO_BALLOON_S_*. Memory is in bytes.
  public enum Kind: UInt16, Sendable, CaseIterable {
    case swapIn, swapOut, majorFaults, minorFaults, freeMemory, totalMemory, availableMemory, diskCaches
    case hugePageAllocations, hugePageFailures
  }

  static let entryBytes = 10
  /// Room for more kinds than there are.
  static let byteLimit = 64 * entryBytes

  private var values: [Kind: UInt64] = [:]

  /// - Parameter bytes: entries of a 16-bit kind and a 64-bit value, little-endian; unknown kinds are left out.
  init(_ bytes: [UInt8]) {
    for start in stride(from: 0, to: bytes.count - Self.entryBytes + 1, by: Self.entryBytes) {
      let tag = UInt16(bytes[start]) | UInt16(bytes[start + 1]) << 8
      guard let kind = Kind(rawValue: tag) else { continue }
      values[kind] = bytes[start + 2..<start + 10].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  /// Nil where the guest does not tell.
  public subscript(kind: Kind) -> UInt64? { values[kind] }
}
