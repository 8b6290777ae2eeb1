import GuestMemory

/// A console, and ports with names beside it where there are any (virtio 1.2, section 5.3). Belongs to the I/O thread.
///
/// Control queues, and the feature that they come with, are offered only where a port was named: they cost the driver
/// work at every boot.
public final class ConsoleDevice: VirtioDevice {
  private enum Queue {
    static let controlReceive = 2
    static let controlTransmit = 3

    static func receive(_ port: Int) -> Int { port == 0 ? 0 : 2 + 2 * port }
    static func transmit(_ port: Int) -> Int { receive(port) + 1 }
  }
  /// The console's transmit queue.
  public static let outputQueue = Queue.transmit(0)
  /// VIRTIO_CONSOLE_F_SIZE.
  private static let sizeFeature = Features(rawValue: 1 << 0)
  /// VIRTIO_CONSOLE_F_MULTIPORT.
  private static let multiportFeature = Features(rawValue: 1 << 1)
  /// Linux fills the receive queue when it probes; each buffer more is work before the first user instruction.
  private static let consoleQueueSizes: [UInt16] = [8, 64]
  private static let controlQueueSizes: [UInt16] = [8, 8]
  private static let portQueueSizes: [UInt16] = [16, 64]

  public let identity: VirtioIdentity
  private let console: MainConsole
  /// By number; the console is the first.
  private let ports: [any ConsolePortEnd]
  private let notifier: Notifier
  private var activation: VirtioActivation?
  private var hasControl = false

  /// - Parameters:
  ///   - output: Where the console's output goes; nil where the guest has another console or none.
  ///   - size: The terminal's size, nil if there is no terminal: then the driver is not told of sizes.
  ///   - ports: Those with a name of at most 64 bytes, at most 30: numbers 1 and up, in order.
  public init(
    output: (any ConsoleOutput)?, size: ConsoleSize?, ports named: [(name: String, host: any PortHost)] = []
  ) {
    let notifier = Notifier()
    let console = MainConsole(output: output, size: size)
    self.notifier = notifier
    self.console = console
    var ports: [any ConsolePortEnd] = [console]
    for (index, port) in named.enumerated() {
      ports.append(
        NamedPort(name: port.name, host: port.host) { what in
          switch what {
          case .receive: notifier.notify(Queue.receive(index + 1))
          case .transmit: notifier.notify(Queue.transmit(index + 1))
          case .control: notifier.notify(Queue.controlReceive)
          }
        })
    }
    self.ports = ports
    var features: Features = console.size == nil ? [] : Self.sizeFeature
    var queueSizes = Self.consoleQueueSizes
    if !named.isEmpty {
      features.insert(Self.multiportFeature)
      queueSizes += Self.controlQueueSizes
      for _ in named { queueSizes += Self.portQueueSizes }
    }
    identity = VirtioIdentity(
      deviceID: 3, features: features, queueSizes: queueSizes,
      configuration: ConfigurationSpace(Self.fields(console.size, portCount: ports.count)))
  }

  /// cols, rows, max_nr_ports, emerg_wr (5.3.4).
  private static func fields(_ size: ConsoleSize?, portCount: Int) -> [UInt8] {
    var bytes = (size ?? ConsoleSize(columns: 0, rows: 0)).encoded
    bytes.append(littleEndian: UInt32(portCount))
    bytes.append(littleEndian: UInt32(0))
    return bytes
  }

  /// Has `notify` called with each queue to be processed for what happens at a port's other end: not before the call
  /// that asks for it has returned. To be called before the driver starts, where ports are named.
  public func begin(_ notify: @escaping (Int) -> Void) { notifier.notify = notify }

  public func activate(_ activation: VirtioActivation) {
    self.activation = activation
    hasControl = activation.features.contains(Self.multiportFeature)
    for (number, port) in ports.enumerated() {
      port.activate(
        ConsoleLink(
          receive: activation.queues[Queue.receive(number)],
          transmit: activation.queues[Queue.transmit(number)], memory: activation.memory,
          interrupt: activation.interrupt, hasSize: activation.features.contains(Self.sizeFeature),
          hasControl: hasControl))
    }
  }

  public func reset() {
    activation = nil
    hasControl = false
    for port in ports { port.reset() }
  }

  public func process(queue: Int) -> Bool {
    let more: Bool
    switch queue {
    case Queue.receive(0): more = console.receive()
    case Queue.transmit(0): more = console.transmit()
    // Without the feature there are two queues only, whatever the driver has set up.
    case _ where !hasControl: return false
    case Queue.controlReceive: more = false
    case Queue.controlTransmit: more = takeMessages()
    default:
      let port = ports[queue / 2 - 1]
      more = queue % 2 == 0 ? port.receive() : port.transmit()
    }
    return sendMessages() || more
  }

  // MARK: The console

  /// The terminal has a new size.
  public func resize(to size: ConsoleSize) {
    guard console.size != nil else { return }
    identity.configuration.replace(Self.fields(size, portCount: ports.count))
    console.resize(to: size)
    if hasControl { notifier.notify(Queue.controlReceive) }
  }

  /// Bytes `input` takes now. When this is 0, look again after the receive queue was processed.
  public var inputRoom: Int { console.inputRoom }

  /// Gives the guest the bytes there is room for and returns their number.
  public func input(_ bytes: some Collection<UInt8>) -> Int {
    let taken = console.take(bytes)
    _ = console.receive()
    return taken
  }

  /// The output has room again.
  /// - Returns: As `process`, for ``outputQueue``.
  public func resumeOutput() -> Bool { process(queue: Self.outputQueue) }

  // MARK: Control

  /// - Returns: whether there is more to do now.
  private func takeMessages() -> Bool {
    guard let activation, let queue = activation.queues[Queue.controlTransmit] else { return false }
    let stop = queue.serve { chain throws(DriverViolation) in
      var cursor = ChainCursor(readable: chain)
      guard let message = ConsoleControl(&cursor, activation.memory) else { throw .requestLayout }
      if !handle(message) { queue.report(.controlMessage) }
      return .used(0)
    }
    return stop == .limit
  }

  /// - Returns: false for a message that means nothing here, and does nothing.
  private func handle(_ message: ConsoleControl) -> Bool {
    guard message.value <= 1 else { return false }
    let isTrue = message.value == 1
    if message.event == .deviceReady {
      if isTrue { for port in ports where port.exists && !port.isAdded { port.owed.insert(.add) } }
      return true
    }
    guard message.port < UInt32(ports.count), ports[Int(message.port)].exists else { return false }
    let port = ports[Int(message.port)]
    switch message.event {
    case .portReady: if isTrue { port.becomeReady() }
    case .portOpen:
      port.guestChanged(isOpen: isTrue)
      if isTrue, port === console { _ = console.receive() }
    default: return false
    }
    return true
  }

  /// Sends what is owed, as far as the driver has offered buffers.
  /// - Returns: whether there is more to do now.
  private func sendMessages() -> Bool {
    guard hasControl, let activation, let queue = activation.queues[Queue.controlReceive],
      ports.contains(where: { !$0.owed.isEmpty })
    else { return false }
    let stop = queue.serve { chain throws(DriverViolation) in
      guard let number = ports.firstIndex(where: { !$0.owed.isEmpty }) else { return .later }
      let message = ports[number].takeMessage(port: number)
      guard chain.writableCount >= message.count else { throw .requestLayout }
      var cursor = ChainCursor(writable: chain)
      return .used(UInt32(cursor.write(message, to: activation.memory)))
    }
    return stop == .limit
  }
}

/// What ports call when something happens at their other end.
private final class Notifier {
  var notify: (Int) -> Void = { _ in }
}
