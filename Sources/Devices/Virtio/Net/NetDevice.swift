import GuestMemory

/// A network card (virtio 1.2, section 5.1). Belongs to the I/O thread.
public final class NetDevice: VirtioDevice {
  private enum Queue {
    static let receive = 0
    static let transmit = 1
  }
  /// The longest frame, either way: 65,535 bytes of IP behind an Ethernet header, and room for one more tag of it
  /// (5.1.6.3.1 names the buffer for it).
  public static let frameLimit = 65_550
  private static let queueSizes: [UInt16] = [256, 256]
  private static let ethernetHeader = 14
  /// The bytes, and the frames, that one call moves before others have their turn.
  private static let transferLimit = 1 << 20
  private static let frameCountLimit = 256
  /// Pieces of memory kept for a frame; drivers need 45 for the longest.
  private static let sliceLimit = 512
  private static let linkUp: UInt16 = 1

  public let identity: VirtioIdentity
  private let macAddress: [UInt8]
  private let mtu: UInt16?
  private let backend: any NetBackend
  private let receiveGate: RateGate?
  private let transmitGate: RateGate?
  private var activation: VirtioActivation?

  private var offloadsToHost: NetOffloads = []
  private var offloadsToGuest: NetOffloads = []
  private var mergesBuffers = false
  /// Whether the backend may have a frame.
  private var mayReceive = true
  private var buffers = ReceiveBuffers()
  /// The most bytes that the driver ever had ready for one frame: a longer frame will never fit.
  private var largestRoom = 0
  private var slices: [GuestSlice] = []

  /// - Parameters:
  ///   - macAddress: 6 bytes.
  ///   - mtu: the largest IP packet the guest may send, in bytes; nil says nothing of it.
  ///   - receiveGate: limits what the guest receives; its alarm is to call ``resumeReceive()``.
  ///   - transmitGate: limits what the guest sends; its alarm is to call ``resumeTransmit()``.
  public init(
    backend: any NetBackend, macAddress: [UInt8], mtu: UInt16? = nil, receiveGate: RateGate? = nil,
    transmitGate: RateGate? = nil
  ) {
    precondition(macAddress.count == 6)
    self.backend = backend
    self.macAddress = macAddress
    self.mtu = mtu
    self.receiveGate = receiveGate
    self.transmitGate = transmitGate
    var features: Features = [NetFeature.macAddress, NetFeature.mergedBuffers, NetFeature.status]
    features.formUnion(NetFeature.offering(backend.offloads))
    if mtu != nil { features.insert(NetFeature.mtu) }
    identity = VirtioIdentity(
      deviceID: 1, features: features, queueSizes: Self.queueSizes,
      configuration: ConfigurationSpace(Self.fields(macAddress, status: Self.linkUp, mtu)))
  }

  /// mac, status, max_virtqueue_pairs, mtu (5.1.4).
  private static func fields(_ macAddress: [UInt8], status: UInt16, _ mtu: UInt16?) -> [UInt8] {
    var bytes = macAddress
    bytes.append(littleEndian: status)
    bytes.append(littleEndian: UInt16(1))
    bytes.append(littleEndian: mtu ?? 0)
    return bytes
  }

  public func activate(_ activation: VirtioActivation) {
    self.activation = activation
    offloadsToHost = NetFeature.offloadsToHost(activation.features)
    offloadsToGuest = NetFeature.offloadsToGuest(activation.features)
    mergesBuffers = activation.features.contains(NetFeature.mergedBuffers)
    mayReceive = true
    backend.begin(leavingToGuest: offloadsToGuest)
  }

  public func reset() {
    activation = nil
    buffers.removeAll()
    largestRoom = 0
  }

  public func process(queue: Int) -> Bool {
    switch queue {
    case Queue.receive: receive()
    case Queue.transmit: transmit()
    default: false
    }
  }

  // MARK: The host's side

  /// The backend may have a frame.
  /// - Returns: as `process`; then ``resumeReceive()`` goes on.
  public func noteReadable() -> Bool {
    mayReceive = true
    return receive()
  }

  /// - Returns: as `process`.
  public func resumeReceive() -> Bool { receive() }

  /// The backend takes frames again, or the rate limit does.
  /// - Returns: as `process`.
  public func resumeTransmit() -> Bool { transmit() }

  /// Nothing will come or go any more: the guest sees its cable unplugged.
  public func loseLink() {
    identity.configuration.replace(Self.fields(macAddress, status: 0, mtu))
    if let activation, activation.features.contains(NetFeature.status) {
      activation.interrupt.configurationChanged()
    }
  }

  // MARK: From the guest

  private func transmit() -> Bool {
    guard let activation, let ring = activation.queues[Queue.transmit] else { return false }
    var budget = Self.transferLimit
    var isBlocked = false
    let stop = ring.serve { chain throws(DriverViolation) in
      guard chain.readableCount >= NetHeader.size, chain.writableCount == 0 else { throw .requestLayout }
      guard budget > 0 else { return .later }
      isBlocked = !send(chain, activation.memory, ring)
      if isBlocked { return .later }
      budget -= chain.readableCount
      return .used(0)
    }
    backend.flush()
    return stop == .limit || (stop == .later && !isBlocked)
  }

  /// Deals with one frame; what cannot be one is dropped.
  /// - Returns: false where it must wait.
  private func send(
    _ chain: borrowing DescriptorChain, _ memory: GuestMemory, _ ring: VirtioQueue
  ) -> Bool {
    let length = chain.readableCount - NetHeader.size
    guard (Self.ethernetHeader...Self.frameLimit).contains(length) else { return true }
    if let transmitGate, !transmitGate.admits(bytes: length) { return false }
    var cursor = ChainCursor(readable: chain)
    var bytes = InlineArray<12, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    _ = cursor.read(into: &span, from: memory)
    guard let header = NetHeader(bytes).checked(frameLength: length, agreed: offloadsToHost) else {
      ring.report(.frameHeader)
      return true
    }
    slices.removeAll(keepingCapacity: true)
    cursor.take(length, into: &slices)
    guard backend.send(header, slices, of: memory) else { return false }
    transmitGate?.charge(bytes: length)
    return true
  }

  // MARK: To the guest

  private func receive() -> Bool {
    guard let activation, let ring = activation.queues[Queue.receive] else { return false }
    var hasMore = false
    let works = ring.work { ring throws(DriverViolation) in
      var budget = Self.transferLimit
      var framesLeft = Self.frameCountLimit
      while mayReceive {
        hasMore = budget <= 0 || framesLeft == 0
        if hasMore { return }
        if let receiveGate, !receiveGate.admits(bytes: 1) { return }
        guard try gather(&ring), let count = try receiveFrame(&ring, activation.memory) else { return }
        budget -= count
        framesLeft -= 1
      }
    }
    return works && hasMore
  }

  /// Takes buffers until the longest frame would fit, or there are no more; then the driver will notify.
  /// - Returns: whether there are any.
  private func gather(_ ring: inout SplitQueue) throws(DriverViolation) -> Bool {
    let wanted = NetHeader.size + Self.frameLimit
    var isAsked = false
    while buffers.isEmpty
      || (mergesBuffers && buffers.byteCount < wanted && buffers.sliceCount < Self.sliceLimit)
    {
      if let chain = try ring.pop() {
        // The header lies in one buffer, for all that is known of the driver.
        guard chain.writableCount >= NetHeader.size, chain.readableCount == 0 else { throw .requestLayout }
        buffers.append(chain)
        ring.keep(chain)
      } else {
        if isAsked { break }
        isAsked = true
        if try !ring.requestNotifications() { break }
      }
    }
    if !isAsked { try ring.suppressNotifications() }
    largestRoom = max(largestRoom, buffers.byteCount)
    return !buffers.isEmpty
  }

  /// - Returns: the frame's length; 0 for one that was dropped, nil where there is none, or none that fits yet.
  private func receiveFrame(
    _ ring: inout SplitQueue, _ memory: GuestMemory
  ) throws(DriverViolation) -> Int? {
    slices.removeAll(keepingCapacity: true)
    buffers.room(from: NetHeader.size, limit: Self.frameLimit, into: &slices)
    switch backend.receive(into: slices, of: memory) {
    case .none:
      mayReceive = false
      return nil
    case .tooLong(let count):
      // It waits for buffers, unless the driver never has so many.
      guard !mergesBuffers || count + NetHeader.size > largestRoom else { return nil }
      backend.dropFrame()
      return 0
    case .frame(let count, let header):
      receiveGate?.charge(bytes: count)
      let total = NetHeader.size + count
      let needed = UInt16(clamping: buffers.buffersNeeded(for: total))
      let bytes = header.toGuest(agreed: offloadsToGuest, buffers: needed).encoded
      write(bytes, memory)
      try buffers.removeFilled(total) { head, written throws(DriverViolation) in
        try ring.complete(head, written: UInt32(written))
      }
      return count
    }
  }

  /// Puts a header where the next frame's goes.
  private func write(_ header: InlineArray<12, UInt8>, _ memory: GuestMemory) {
    slices.removeAll(keepingCapacity: true)
    buffers.room(from: 0, limit: NetHeader.size, into: &slices)
    var done = 0
    for slice in slices {
      try? memory.copyIn(header.span.extracting(done..<(done + slice.count)), to: slice)
      done += slice.count
    }
  }
}
