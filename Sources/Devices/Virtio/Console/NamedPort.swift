import GuestMemory

/// Where a named port's peers, programs of the host, come from: one at a time. Belongs to the I/O thread.
public protocol PortHost: AnyObject {
  /// Calls `take` once, with the next program that connects or has been waiting: now or later.
  func awaitPeer(_ take: @escaping (any HostStream) -> Void)
  /// Takes that back.
  func cease()
}

/// A port with a name that programs of the guest open, joined to one program of the host at a time.
///
/// The guest is told when a peer comes and goes. A peer that is gone is told of when the guest has all that it sent;
/// and only then the next one is taken, so that the driver always sees one go before another comes.
final class NamedPort: ConsolePortEnd {
  /// The bytes one call to ``receive()`` passes on at most.
  private static let transferLimit = 1 << 20

  private let name: [UInt8]
  private let host: any PortHost
  /// Has a queue of this port, or the control queue, processed soon.
  private let wake: (Wake) -> Void
  enum Wake { case receive, transmit, control }

  private var link: ConsoleLink?
  var owed: OwedMessages = []
  private(set) var isAdded = false
  private var isReady = false
  private var isGuestOpen = false
  /// Whether the driver was told last that a peer is there.
  private var isToldOpen = false

  private var peer: (any HostStream)?
  /// Whether a read may find something.
  private var mayRead = false
  private var inputHasEnded = false
  private var hasHungUp = false
  /// Whether the peer has said that it reads nothing more.
  private var refusesOutput = false
  private var drain = OutputDrain()
  private var slices: [GuestSlice] = []

  init(name: String, host: any PortHost, wake: @escaping (Wake) -> Void) {
    self.name = Array(name.utf8)
    self.host = host
    self.wake = wake
  }

  var exists: Bool { true }

  func activate(_ link: ConsoleLink) {
    reset()
    self.link = link
  }

  /// Ends the connection too: half of a stream would be lost with the queues.
  func reset() {
    host.cease()
    peer?.close()
    peer = nil
    link = nil
    owed = []
    isAdded = false
    isReady = false
    isGuestOpen = false
    isToldOpen = false
    drain.reset()
  }

  // MARK: Control

  func becomeReady() {
    isAdded = true
    owed.remove(.add)
    owed.insert(.name)
    if peer != nil { owed.insert(.state) }
    if isReady { return }
    isReady = true
    lookForPeer()
  }

  func guestChanged(isOpen: Bool) {
    isGuestOpen = isOpen
    if isOpen { wake(.receive) }
  }

  func takeMessage(port: Int) -> [UInt8] {
    switch owed.takeFirst() {
    case .add:
      isAdded = true
      return ConsoleControl.encode(.portAdd, port: port, value: true)
    case .name: return ConsoleControl.encode(.portName, port: port, value: true, name)
    case .state:
      isToldOpen = peer != nil
      if isToldOpen { wake(.receive) } else { lookForPeer() }
      return ConsoleControl.encode(.portOpen, port: port, value: isToldOpen)
    default: return []
    }
  }

  // MARK: The peer

  private func lookForPeer() {
    guard isReady, peer == nil else { return }
    host.awaitPeer { [unowned self] in take($0) }
  }

  private func take(_ peer: any HostStream) {
    guard isReady, self.peer == nil else { return peer.close() }
    self.peer = peer
    mayRead = true
    inputHasEnded = false
    hasHungUp = false
    refusesOutput = false
    peer.begin { [unowned self] in noteReady($0) }
    owed.insert(.state)
    wake(.control)
  }

  private func noteReady(_ readiness: StreamReadiness) {
    if readiness.contains(.write) { wake(.transmit) }
    if readiness.contains(.read) {
      mayRead = true
      wake(.receive)
    }
    if readiness.contains(.hungUp) {
      hasHungUp = true
      leaveIfDone()
    }
  }

  /// Lets go of a peer that is gone, when all of what it sent has been read.
  private func leaveIfDone() {
    guard let peer, hasHungUp, inputHasEnded || peer.isExhausted else { return }
    peer.close()
    self.peer = nil
    // What the guest has sent until now was for this peer: the next one shall not get it.
    if let queue = link?.transmit, drain.run(queue, write: { _ in nil }) { wake(.transmit) }
    if isToldOpen {
      owed.insert(.state)
      wake(.control)
    } else {
      owed.remove(.state)
      lookForPeer()
    }
  }

  // MARK: Bytes

  /// Reads what the peer has sent straight into the guest's buffers; without one, it stays where it is.
  func receive() -> Bool {
    guard let link, let queue = link.receive, let peer, isGuestOpen, isToldOpen, mayRead, !inputHasEnded
    else { return false }
    var budget = Self.transferLimit
    let stop = queue.serve { chain throws(DriverViolation) in
      guard chain.writableCount > 0 else { throw .requestLayout }
      guard budget > 0 else { return .later }
      var cursor = ChainCursor(writable: chain)
      slices.removeAll(keepingCapacity: true)
      cursor.take(cursor.remaining, into: &slices)
      switch peer.read(into: slices, of: link.memory) {
      case .bytes(let count):
        budget -= count
        return .used(UInt32(clamping: count))
      case .none:
        mayRead = false
        return .later
      case .end:
        inputHasEnded = true
        return .later
      }
    }
    leaveIfDone()
    return stop == .limit || (stop == .later && budget <= 0)
  }

  /// Without a peer, or for one that reads no more, the driver gets its buffers back unread.
  func transmit() -> Bool {
    guard let link, let queue = link.transmit else { return false }
    return drain.run(queue) { slices in
      guard let peer, !refusesOutput else { return nil }
      if let taken = peer.write(slices, of: link.memory) { return taken }
      refusesOutput = true
      return nil
    }
  }
}
