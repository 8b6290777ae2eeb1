import GuestMemory

/// The two ports of a connection; the addresses are always the guest's and the host's.
struct VsockPorts: Hashable {
  let host: UInt32
  let guest: UInt32
}

/// One connection and its credit (virtio 1.2, 5.10.6.3): neither side sends more than the other has room for.
final class VsockConnection {
  /// Bytes from the guest kept while the host's end takes none.
  static let bufferSize: UInt32 = 64 << 10

  /// What the guest is still to be sent.
  struct Pending: OptionSet {
    let rawValue: UInt8
    static let request = Pending(rawValue: 1)
    static let response = Pending(rawValue: 2)
    static let creditUpdate = Pending(rawValue: 4)
    static let creditRequest = Pending(rawValue: 8)
    static let shutdown = Pending(rawValue: 16)
  }

  let ports: VsockPorts
  let stream: any VsockStream
  var pending: Pending
  /// Whether it waits in the device's line of those that have something to send.
  var isInLine = false
  /// False for one the host asked for, until the guest answers.
  var isEstablished: Bool
  /// What the guest has said it will not do any more.
  private(set) var guestShutdown: VsockHeader.Shutdown = []

  /// Whether a read of the stream may find something.
  private var mayRead = true
  private var hostHasEnded = false
  private var hasAskedForCredit = false
  private var hasFinishedWriting = false

  /// From the guest: all bytes taken, those of them passed on, and what the guest was last told of the latter.
  private var received: UInt32 = 0
  private var forwarded: UInt32 = 0
  private var toldForwarded: UInt32 = 0
  private var backlog: [UInt8] = []
  private var backlogStart = 0

  /// To the guest: all bytes sent, and the room it last told.
  private var sent: UInt32 = 0
  private var peerAllocation: UInt32 = 0
  private var peerForwarded: UInt32 = 0

  init(_ ports: VsockPorts, _ stream: any VsockStream, fromGuest: Bool) {
    self.ports = ports
    self.stream = stream
    isEstablished = fromGuest
    pending = fromGuest ? .response : .request
  }

  // MARK: From the guest

  /// Every packet of the guest tells the room it has.
  func learnCredit(_ header: VsockHeader) {
    peerAllocation = header.bufferAllocation
    peerForwarded = header.forwardCount
    hasAskedForCredit = false
  }

  /// Takes the data of a packet.
  /// - Returns: false where the guest sent more than it had credit for, or the host's end is gone.
  func receive(_ slices: [GuestSlice], count: Int, of memory: GuestMemory) -> Bool {
    guard isEstablished, !guestShutdown.contains(.send),
      count <= Int(Self.bufferSize) - Int(received &- forwarded)
    else { return false }
    received &+= UInt32(count)
    var taken = 0
    if backlog.isEmpty {
      guard let written = stream.write(slices, of: memory) else { return false }
      taken = min(max(written, 0), count)
      forward(taken)
    }
    keep(slices, from: taken, of: memory)
    return true
  }

  private func keep(_ slices: [GuestSlice], from start: Int, of memory: GuestMemory) {
    if backlogStart > 0 {
      backlog.removeFirst(backlogStart)
      backlogStart = 0
    }
    var skip = start
    for slice in slices {
      let part = min(skip, slice.count)
      skip -= part
      if let rest = try? slice.slice(from: part, count: slice.count - part), rest.count > 0 {
        backlog += memory.bytes(rest)
      }
    }
  }

  /// Passes on what was kept; drops it where the host's end is gone.
  /// - Returns: false in that case.
  func drainBacklog() -> Bool {
    var isGone = false
    while backlogStart < backlog.count {
      guard let written = stream.write(backlog.span.extracting(backlogStart...)) else {
        isGone = true
        break
      }
      if written <= 0 { return true }
      backlogStart += min(written, backlog.count - backlogStart)
      forward(written)
    }
    backlog = []
    backlogStart = 0
    finishWhenDrained()
    return !isGone
  }

  private func finishWhenDrained() {
    guard guestShutdown.contains(.send), isDrained, !hasFinishedWriting else { return }
    hasFinishedWriting = true
    stream.finishWriting()
  }

  /// Whether everything of the guest has been passed on.
  var isDrained: Bool { backlog.isEmpty }

  private func forward(_ count: Int) {
    forwarded &+= UInt32(truncatingIfNeeded: count)
    if isEstablished, forwarded &- toldForwarded > Self.bufferSize / 2 { pending.insert(.creditUpdate) }
  }

  /// The guest will not do any more what `flags` says.
  func shutDown(_ flags: VsockHeader.Shutdown) {
    guestShutdown.formUnion(flags)
    finishWhenDrained()
  }

  // MARK: To the guest

  /// The stream may have more to read.
  func noteReadable() { mayRead = true }

  /// Bytes the guest has room for. A count of the guest's that makes no sense leaves none.
  private var credit: Int {
    let inFlight = sent &- peerForwarded
    return inFlight <= peerAllocation ? Int(peerAllocation - inFlight) : 0
  }

  private var wantsData: Bool {
    isEstablished && mayRead && !hostHasEnded && !guestShutdown.contains(.receive)
  }

  /// Whether ``next(from:room:of:)`` may have a packet.
  var hasSomethingToSend: Bool {
    !pending.isEmpty || (wantsData && (credit > 0 || !hasAskedForCredit))
  }

  /// The next packet for the guest, its data written into the front of `room`; nil if there is none.
  func next(
    from guestCID: UInt64, room: [GuestSlice], of memory: GuestMemory
  ) -> VsockHeader? {
    if pending.contains(.request) { return header(.request, clearing: .request, guestCID) }
    if pending.contains(.response) { return header(.response, clearing: .response, guestCID) }
    if wantsData, let data = readData(room, guestCID, memory) { return data }
    if pending.contains(.shutdown) {
      var packet = header(.shutdown, clearing: .shutdown, guestCID)
      packet.flags = VsockHeader.Shutdown.send.rawValue
      return packet
    }
    if pending.contains(.creditRequest) { return header(.creditRequest, clearing: .creditRequest, guestCID) }
    if pending.contains(.creditUpdate) { return header(.creditUpdate, clearing: .creditUpdate, guestCID) }
    return nil
  }

  private func readData(_ room: [GuestSlice], _ guestCID: UInt64, _ memory: GuestMemory) -> VsockHeader? {
    var left = credit
    if left == 0 {
      // Asked for once; the guest's next packet tells the room.
      if !hasAskedForCredit { pending.insert(.creditRequest) }
      hasAskedForCredit = true
      return nil
    }
    var slices: [GuestSlice] = []
    for slice in room where left > 0 {
      guard let part = try? slice.slice(from: 0, count: min(left, slice.count)) else { break }
      slices.append(part)
      left -= part.count
    }
    switch stream.read(into: slices, of: memory) {
    case .none: mayRead = false
    case .end:
      hostHasEnded = true
      pending.insert(.shutdown)
    case .bytes(let count):
      sent &+= UInt32(truncatingIfNeeded: count)
      var packet = header(.data, clearing: .creditUpdate, guestCID)
      packet.length = UInt32(count)
      return packet
    }
    return nil
  }

  /// A packet without data, which tells the guest of our room as every packet does.
  private func header(
    _ operation: VsockHeader.Operation, clearing bit: Pending, _ guestCID: UInt64
  ) -> VsockHeader {
    pending.remove(bit)
    toldForwarded = forwarded
    return VsockHeader(
      sourceCID: VsockHeader.hostCID, destinationCID: guestCID, sourcePort: ports.host,
      destinationPort: ports.guest, operation: operation, bufferAllocation: Self.bufferSize,
      forwardCount: forwarded)
  }
}
