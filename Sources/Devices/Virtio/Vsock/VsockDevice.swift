import GuestMemory

/// Stream sockets between programs of the guest and of the host (virtio 1.2, section 5.10). Belongs to the I/O thread.
///
/// Every answer the guest is owed waits in a place of bounded size: what one connection is owed in that connection, the
/// refusal of packets that belong to none in a short list. When that is full no packet is taken until the guest has
/// fetched some.
public final class VsockDevice: VirtioDevice {
  private enum Queue {
    static let receive = 0
    static let transmit = 1
  }
  private static let queueSizes: [UInt16] = [128, 128, 8]
  private static let connectionLimit = 1024
  private static let refusalLimit = 64
  /// The bytes one call to `process` moves before others have their turn.
  private static let transferLimit = 1 << 20
  /// Ports of the host's side of connections the host asks for: from here on (as in Linux, above what programs name).
  private static let firstHostPort: UInt32 = 1 << 30

  public let identity: VirtioIdentity
  private let guestCID: UInt64
  private let host: any VsockHost
  private var activation: VirtioActivation?
  private var connections: [VsockPorts: VsockConnection] = [:]
  /// Those that may have something to send, each once, served in turn.
  private var line: [VsockConnection] = []
  private var refusals: [VsockPorts] = []
  /// Ended for the guest, with bytes that the host's end has not taken yet.
  private var draining: [ObjectIdentifier: VsockConnection] = [:]
  /// Whether packets of the guest wait until it has fetched refusals.
  private var isHeldBack = false
  private var goOn: (() -> Void)?
  private var nextHostPort = VsockDevice.firstHostPort
  private var slices: [GuestSlice] = []

  /// - Parameter guestCID: the guest's address, 3 to 2^32 - 2.
  public init(guestCID: UInt32, host: any VsockHost) {
    self.guestCID = UInt64(guestCID)
    self.host = host
    var fields: [UInt8] = []
    fields.append(littleEndian: UInt64(guestCID))
    identity = VirtioIdentity(
      deviceID: 19, features: [], queueSizes: Self.queueSizes,
      configuration: ConfigurationSpace(fields))
  }

  public func activate(_ activation: VirtioActivation) { self.activation = activation }

  public func reset() {
    activation = nil
    let ended = connections.values
    connections = [:]
    line = []
    for connection in ended { letGo(connection) }
    refusals = []
    isHeldBack = false
  }

  public func process(queue: Int) -> Bool {
    switch queue {
    case Queue.receive, Queue.transmit: exchange()
    default: false
    }
  }

  /// Has `body` called when there is more to do than one turn allows: it calls ``exchange()`` after others have had theirs.
  public func whenThereIsMore(_ body: @escaping () -> Void) { goOn = body }

  /// Takes packets and sends packets.
  /// - Returns: as `process`.
  public func exchange() -> Bool {
    let takes = take()
    let sends = send()
    return takes || sends || (isHeldBack && refusals.count < Self.refusalLimit)
  }

  private func serve() {
    if exchange() { goOn?() }
  }

  // MARK: The host's side

  /// A program of the host asks for a port of the guest. The stream hears of it by `accepted`, or is closed.
  public func open(_ stream: any VsockStream, toPort guest: UInt32) {
    guard activation != nil, hasRoom, let host = unusedHostPort(guest) else { return stream.close() }
    add(VsockConnection(VsockPorts(host: host, guest: guest), stream, fromGuest: false))
    serve()
  }

  private var hasRoom: Bool { connections.count + draining.count < Self.connectionLimit }

  private func unusedHostPort(_ guest: UInt32) -> UInt32? {
    for _ in 0...Self.connectionLimit {
      let port = nextHostPort
      nextHostPort = port == UInt32.max - 1 ? Self.firstHostPort : port + 1
      if connections[VsockPorts(host: port, guest: guest)] == nil { return port }
    }
    return nil
  }

  private func add(_ connection: VsockConnection) {
    connections[connection.ports] = connection
    queueUp(connection)
    connection.stream.begin { [unowned self, unowned connection] readiness in
      ready(connection, readiness)
    }
  }

  private func ready(_ connection: VsockConnection, _ readiness: StreamReadiness) {
    let isGone = readiness.contains(.write) && !connection.drainBacklog()
    if draining[ObjectIdentifier(connection)] != nil {
      if connection.isDrained { finish(connection) }
      return
    }
    if isGone {
      end(connection, refusing: true)
      serve()
      return
    }
    if readiness.contains(.read) { connection.noteReadable() }
    queueUp(connection)
    serve()
  }

  private func finish(_ connection: VsockConnection) {
    draining[ObjectIdentifier(connection)] = nil
    connection.stream.close()
  }

  // MARK: To the guest

  private func queueUp(_ connection: VsockConnection) {
    guard !connection.isInLine, connection.hasSomethingToSend else { return }
    connection.isInLine = true
    // A connection being made has a program waiting for it, and takes one packet: it goes first.
    if connection.pending.isDisjoint(with: [.request, .response]) {
      line.append(connection)
    } else {
      line.insert(connection, at: 0)
    }
  }

  /// Fills receive buffers.
  /// - Returns: whether there is more to do now.
  private func send() -> Bool {
    guard let activation, let ring = activation.queues[Queue.receive] else { return false }
    guard !line.isEmpty || !refusals.isEmpty else { return false }
    var budget = Self.transferLimit
    let stop = ring.serve { chain throws(DriverViolation) in
      guard chain.writableCount > VsockHeader.size else { throw .requestLayout }
      guard budget > 0 else { return .later }
      var cursor = ChainCursor(writable: chain)
      let packet = nextPacket(cursor, activation.memory)
      guard let packet else { return .later }
      let header = packet.encoded
      cursor.write(header.span, to: activation.memory)
      budget -= Int(packet.length) + VsockHeader.size
      return .used(UInt32(VsockHeader.size) + packet.length)
    }
    return stop == .limit || (stop == .later && budget <= 0)
  }

  private func nextPacket(_ cursor: ChainCursor, _ memory: GuestMemory) -> VsockHeader? {
    if let ports = refusals.popLast() { return reset(ports) }
    var data = cursor
    data.skip(VsockHeader.size)
    slices.removeAll(keepingCapacity: true)
    data.take(data.remaining, into: &slices)
    while let connection = line.first {
      line.removeFirst()
      connection.isInLine = false
      guard connections[connection.ports] === connection else { continue }
      let packet = connection.next(from: guestCID, room: slices, of: memory)
      queueUp(connection)
      if let packet { return packet }
    }
    return nil
  }

  private func reset(_ ports: VsockPorts) -> VsockHeader {
    VsockHeader(
      sourceCID: VsockHeader.hostCID, destinationCID: guestCID, sourcePort: ports.host,
      destinationPort: ports.guest, operation: .reset)
  }

  // MARK: From the guest

  /// Takes packets.
  /// - Returns: whether there is more to do now.
  private func take() -> Bool {
    guard let activation, let ring = activation.queues[Queue.transmit] else { return false }
    var budget = Self.transferLimit
    let stop = ring.serve { chain throws(DriverViolation) in
      guard budget > 0, refusals.count < Self.refusalLimit else { return .later }
      var cursor = ChainCursor(readable: chain)
      guard let header = VsockHeader(&cursor, activation.memory), Int(header.length) <= cursor.remaining
      else { throw .requestLayout }
      budget -= Int(header.length) + VsockHeader.size
      handle(header, &cursor, activation.memory)
      return .used(0)
    }
    isHeldBack = stop == .later && budget > 0
    return stop == .limit || (stop == .later && budget <= 0)
  }

  private func handle(_ header: VsockHeader, _ cursor: inout ChainCursor, _ memory: GuestMemory) {
    // What is not from this guest to this host has no one to be answered by.
    guard header.sourceCID == guestCID, header.destinationCID == VsockHeader.hostCID else { return }
    let ports = VsockPorts(host: header.destinationPort, guest: header.sourcePort)
    guard header.type == VsockHeader.stream else { return refuse(ports, header) }
    if header.operation == .request { return accept(ports, header) }
    guard let connection = connections[ports] else { return refuse(ports, header) }
    connection.learnCredit(header)
    switch header.operation {
    case .data:
      slices.removeAll(keepingCapacity: true)
      cursor.take(Int(header.length), into: &slices)
      if !connection.receive(slices, count: Int(header.length), of: memory) {
        return end(connection, refusing: true)
      }
    case .response where !connection.isEstablished:
      connection.isEstablished = true
      connection.stream.accepted(port: ports.host)
    case .shutdown:
      connection.shutDown(VsockHeader.Shutdown(rawValue: header.flags))
      if connection.guestShutdown.isSuperset(of: .both) { return end(connection, refusing: true) }
    case .reset: return end(connection, refusing: false)
    case .creditRequest: connection.pending.insert(.creditUpdate)
    case .creditUpdate: break
    default: return end(connection, refusing: true)
    }
    queueUp(connection)
  }

  private func accept(_ ports: VsockPorts, _ header: VsockHeader) {
    if let connection = connections[ports] { return end(connection, refusing: true) }
    guard hasRoom, let stream = host.connect(toPort: ports.host) else { return refuse(ports, header) }
    let connection = VsockConnection(ports, stream, fromGuest: true)
    connection.learnCredit(header)
    add(connection)
  }

  /// Answers a packet that belongs to no connection; a reset needs no answer.
  private func refuse(_ ports: VsockPorts, _ header: VsockHeader) {
    if header.operation != .reset { refusals.append(ports) }
  }

  /// Forgets a connection; what the guest has sent before still reaches the host.
  private func end(_ connection: VsockConnection, refusing: Bool) {
    connections[connection.ports] = nil
    // The line is what else keeps it and its end on the host, and a guest decides how long it is not served.
    if connection.isInLine { line.removeAll { $0 === connection } }
    connection.isInLine = false
    if refusing { refusals.append(connection.ports) }
    letGo(connection)
  }

  /// Closes a connection's end on the host, as soon as that has what the guest was told it would get.
  private func letGo(_ connection: VsockConnection) {
    connection.shutDown(.both)
    if connection.isDrained {
      connection.stream.close()
    } else {
      draining[ObjectIdentifier(connection)] = connection
    }
  }
}
