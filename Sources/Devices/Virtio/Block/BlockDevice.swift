import GuestMemory

/// A disk (virtio 1.2, section 5.2). Belongs to the I/O thread.
public final class BlockDevice: VirtioDevice, BlockStoreClient {
  private typealias Feature = BlockLayout.Feature
  private typealias Status = BlockRequest.Status

  /// More would serve nobody: one thread does the work of all.
  public static let queueLimit = 8
  /// No driver asks for more at once, and one that does may not keep the thread: longer requests fail.
  private static let maximumTransfer = 64 << 20
  /// The bytes one call to `process` moves, zeroes or discards before others have their turn.
  private static let transferLimit = 16 << 20
  /// Requests that the store may have pending.
  public static let pendingLimit = 128
  private static let serialNumberLength = 20

  /// A request that the store goes on with.
  private struct Pending {
    let queue: Int
    /// The chain, by which the driver knows it.
    let head: UInt16
    /// Where the status byte goes.
    let status: GuestSlice
    /// Bytes of data that the guest gets when all goes well.
    let written: Int
    let ticket: UInt64
  }

  /// What becomes of a chain now.
  private enum Step {
    /// `changed`: the bytes of the disk that were discarded or zeroed.
    case answered(Status, written: Int = 0, changed: Int = 0)
    case pending(written: Int, ticket: UInt64)
    case wait
  }

  public let identity: VirtioIdentity
  private let store: any BlockStore
  private let gate: RateGate?
  private var activation: VirtioActivation?
  private var slices: [GuestSlice] = []
  private var segments: [BlockSegment] = []
  /// By the low half of their tickets; nil where there is room.
  private var pending = [Pending?](repeating: nil, count: pendingLimit)
  private var freePlaces = Array((0..<pendingLimit).reversed())
  /// The high half of tickets: an answer of before a reset is for nobody.
  private var generation: UInt64 = 0
  /// The queues with answers that the driver has not been shown.
  private var unpublished: UInt64 = 0

  /// - Parameters:
  ///   - queues: how many the driver may use, 1 to ``queueLimit``.
  ///   - gate: what requests wait at; nil where nothing is limited.
  public init(store: any BlockStore, queues: Int = 1, gate: RateGate? = nil) {
    precondition((1...Self.queueLimit).contains(queues))
    self.store = store
    self.gate = gate
    let layout = BlockLayout(store, queues: queues)
    identity = VirtioIdentity(
      deviceID: 2, features: layout.features,
      queueSizes: [UInt16](repeating: BlockLayout.queueSize, count: queues),
      configuration: ConfigurationSpace(layout.fields))
    store.client = self
  }

  /// The store has another length.
  public func lengthChanged() {
    identity.configuration.replace(BlockLayout.capacity(store))
    activation?.interrupt.configurationChanged()
  }

  public func activate(_ activation: VirtioActivation) { self.activation = activation }

  /// What was begun is waited for: after a reset the guest's memory is its own (virtio 1.2, 2.4.1).
  public func reset() {
    store.settle()
    activation = nil
    generation &+= 1
    unpublished = 0
    pending = [Pending?](repeating: nil, count: Self.pendingLimit)
    freePlaces = Array((0..<Self.pendingLimit).reversed())
  }

  // MARK: Requests

  /// Where requests wait for room or for the rate, false is returned: to be called again after answers, or when the
  /// alarm rings.
  public func process(queue: Int) -> Bool {
    guard let activation, activation.queues.indices.contains(queue), let ring = activation.queues[queue]
    else { return false }
    var budget = Self.transferLimit
    var isWaiting = false
    let stop = ring.serve { chain throws(DriverViolation) in
      guard budget > 0 else { return .later }
      // The status byte is the last writable one.
      guard let last = chain.writable.last, let status = try? last.slice(from: last.count - 1, count: 1)
      else {
        throw .requestLayout
      }
      let size = max(chain.readableCount, chain.writableCount)
      switch begin(ChainCursor(readable: chain), ChainCursor(writable: chain), activation) {
      case .wait:
        isWaiting = true
        return .later
      case .pending(let written, let ticket):
        pending[Int(ticket & 0xFFFF_FFFF)] = Pending(
          queue: queue, head: chain.head, status: status, written: written, ticket: ticket)
        budget -= size
        return .kept
      case .answered(let answer, let written, let changed):
        activation.memory.fill(status, with: answer.rawValue)
        budget -= size + changed
        return .used(UInt32(clamping: written + 1))
      }
    }
    store.submit()
    return stop == .limit || (stop == .later && !isWaiting)
  }

  public func finished(_ ticket: UInt64, _ outcome: BlockOutcome) {
    let place = Int(ticket & 0xFFFF_FFFF)
    guard pending.indices.contains(place), let request = pending[place], request.ticket == ticket,
      let activation, let ring = activation.queues[request.queue]
    else { return }
    pending[place] = nil
    freePlaces.append(place)
    let status = outcome == .done ? Status.ok : .ioError
    activation.memory.fill(request.status, with: status.rawValue)
    ring.complete(request.head, written: UInt32(clamping: outcome == .done ? request.written + 1 : 1))
    unpublished |= 1 << UInt64(request.queue)
  }

  /// Shows the driver what has finished; after a number of calls of ``finished(_:_:)``.
  public func publishFinished() {
    guard unpublished != 0, let activation else { return }
    for (queue, ring) in activation.queues.enumerated() where unpublished & 1 << UInt64(queue) != 0 {
      ring?.publishCompleted()
    }
    unpublished = 0
  }

  /// Begins a request, unless it has to wait.
  private func begin(
    _ input: consuming ChainCursor, _ output: consuming ChainCursor, _ activation: VirtioActivation
  ) -> Step {
    guard let request = BlockRequest(&input, activation.memory), let kind = request.kind else {
      return .answered(.unsupported)
    }
    // What a request costs is its data, of which there is none in a flush or a discard. How many zeros are to be
    // written shows only afterwards.
    let cost =
      switch kind {
      case .read: output.remaining - 1
      case .write: input.remaining
      case .writeZeroes: 1
      case .flush, .getIdentity, .discard: 0
      }
    if let gate, !gate.admits(bytes: cost) { return .wait }
    let step = perform(kind, request.sector, &input, &output, activation)
    switch step {
    case .wait: break
    case .answered(_, _, let changed) where kind == .writeZeroes: gate?.charge(bytes: changed)
    case .answered, .pending: gate?.charge(bytes: cost)
    }
    return step
  }

  private func perform(
    _ kind: BlockRequest.Kind, _ sector: UInt64, _ input: inout ChainCursor, _ output: inout ChainCursor,
    _ activation: VirtioActivation
  ) -> Step {
    let (memory, room) = (activation.memory, output.remaining - 1)
    switch kind {
    case .read:
      guard let offset = byteOffset(sector, count: room) else { return .answered(.ioError) }
      slices.removeAll(keepingCapacity: true)
      output.take(room, into: &slices)
      return step(written: room) { store.transfer(.read, slices, of: memory, at: offset, ticket: $0) }
    case .write:
      guard !store.isReadOnly, let offset = byteOffset(sector, count: input.remaining) else {
        return .answered(.ioError)
      }
      slices.removeAll(keepingCapacity: true)
      input.take(input.remaining, into: &slices)
      // A driver without FLUSH takes every write for stable once it is done (5.2.6.2).
      let kind: BlockTransfer = activation.features.contains(Feature.flush) ? .write : .stableWrite
      return step { store.transfer(kind, slices, of: memory, at: offset, ticket: $0) }
    case .flush:
      return step { store.flush(ticket: $0) }
    case .getIdentity:
      var serial = Array(store.serialNumber.utf8.prefix(Self.serialNumberLength))
      serial += [UInt8](repeating: 0, count: Self.serialNumberLength - serial.count)
      return .answered(.ok, written: output.write(Array(serial.prefix(room)), to: memory))
    case .discard:
      return discard(&input, activation)
    case .writeZeroes:
      return writeZeroes(&input, activation)
    }
  }

  /// Has the store do something under a ticket.
  private func step(written: Int = 0, _ operation: (UInt64) -> BlockOutcome) -> Step {
    guard let place = freePlaces.last else { return .wait }
    let ticket = generation << 32 | UInt64(place)
    switch operation(ticket) {
    case .done: return .answered(.ok, written: written)
    case .failed: return .answered(.ioError)
    case .unsupported: return .answered(.unsupported)
    case .busy: return .wait
    case .pending:
      freePlaces.removeLast()
      return .pending(written: written, ticket: ticket)
    }
  }

  /// Where a transfer begins; nil unless it is of whole sectors inside the disk.
  private func byteOffset(_ sector: UInt64, count: Int) -> UInt64? {
    guard count <= Self.maximumTransfer, count % Int(BlockLayout.sectorSize) == 0 else { return nil }
    return byteOffset(sector, sectors: UInt64(count) / BlockLayout.sectorSize)
  }

  private func byteOffset(_ sector: UInt64, sectors: UInt64) -> UInt64? {
    guard sector <= store.sectorCount, sectors <= store.sectorCount - sector else { return nil }
    return sector * BlockLayout.sectorSize
  }

  // MARK: Discard and write zeroes

  private func discard(_ input: inout ChainCursor, _ activation: VirtioActivation) -> Step {
    guard activation.features.contains(Feature.discard) else { return .answered(.unsupported) }
    let status = takeSegments(
      &input, activation.memory, limit: BlockLayout.discardSegments, sectors: BlockLayout.discardSectors)
    guard status == .ok else { return .answered(status) }
    // Unmapping is what discarding is: the flag is reserved here (5.2.6.2).
    guard !segments.contains(where: \.mayUnmap) else { return .answered(.unsupported) }
    return each { store.discard(at: $0, count: $1) }
  }

  private func writeZeroes(_ input: inout ChainCursor, _ activation: VirtioActivation) -> Step {
    guard activation.features.contains(Feature.writeZeroes) else { return .answered(.unsupported) }
    let status = takeSegments(&input, activation.memory, limit: 1, sectors: BlockLayout.zeroSectors)
    guard status == .ok else { return .answered(status) }
    let mayUnmap = segments.allSatisfy(\.mayUnmap)
    return each { store.writeZeroes(at: $0, count: $1, mayUnmap: mayUnmap) }
  }

  /// Fills `segments`, each of them checked before anything is done.
  private func takeSegments(
    _ input: inout ChainCursor, _ memory: GuestMemory, limit: Int, sectors: UInt32
  ) -> Status {
    segments.removeAll(keepingCapacity: true)
    let (count, rest) = input.remaining.quotientAndRemainder(dividingBy: BlockSegment.length)
    guard !store.isReadOnly, rest == 0, (1...limit).contains(count) else { return .ioError }
    while let segment = BlockSegment(&input, memory) {
      if segment.hasUnknownFlags { return .unsupported }
      guard segment.count <= sectors, byteOffset(segment.sector, sectors: UInt64(segment.count)) != nil else {
        return .ioError
      }
      segments.append(segment)
    }
    return .ok
  }

  private func each(_ operation: (UInt64, UInt64) -> BlockOutcome) -> Step {
    var changed = 0
    for segment in segments where segment.count > 0 {
      let count = UInt64(segment.count) * BlockLayout.sectorSize
      changed += Int(count)
      switch operation(segment.sector * BlockLayout.sectorSize, count) {
      case .done: continue
      case .unsupported: return .answered(.unsupported, changed: changed)
      case .failed, .pending, .busy: return .answered(.ioError, changed: changed)
      }
    }
    return .answered(.ok, changed: changed)
  }
}
