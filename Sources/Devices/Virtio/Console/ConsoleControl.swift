import GuestMemory

/// A message of the control queues: which port, what, and a value (virtio 1.2, 5.3.6.2).
struct ConsoleControl {
  enum Event: UInt16 {
    case deviceReady = 0
    case portAdd, portRemove, portReady, consolePort, resize, portOpen, portName
  }

  /// Bytes of a message; a size or a name may follow it.
  static let size = 8

  let port: UInt32
  /// Nil for one the specification does not have.
  let event: Event?
  let value: UInt16
}

extension ConsoleControl {
  /// Takes a message off the front of a buffer; nil where the buffer is shorter.
  init?(_ cursor: inout ChainCursor, _ memory: GuestMemory) {
    var bytes = InlineArray<8, UInt8>(repeating: 0)
    var span = bytes.mutableSpan
    guard cursor.read(into: &span, from: memory) == Self.size else { return nil }
    port = UInt32(bytes[0]) | UInt32(bytes[1]) << 8 | UInt32(bytes[2]) << 16 | UInt32(bytes[3]) << 24
    event = Event(rawValue: UInt16(bytes[4]) | UInt16(bytes[5]) << 8)
    value = UInt16(bytes[6]) | UInt16(bytes[7]) << 8
  }

  /// As it goes into a buffer.
  static func encode(_ event: Event, port: Int, value: Bool, _ more: [UInt8] = []) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: UInt32(port))
    bytes.append(littleEndian: event.rawValue)
    bytes.append(littleEndian: UInt16(value ? 1 : 0))
    return bytes + more
  }
}

/// The messages that a driver is owed about one port, sent in this order. However often one is asked for, it is owed
/// once, and says how things are when it is sent: a driver that asks without end and fetches nothing costs no memory.
struct OwedMessages: OptionSet {
  let rawValue: UInt8
  /// PORT_ADD.
  static let add = OwedMessages(rawValue: 1)
  /// CONSOLE_PORT.
  static let console = OwedMessages(rawValue: 2)
  /// PORT_NAME.
  static let name = OwedMessages(rawValue: 4)
  /// RESIZE.
  static let size = OwedMessages(rawValue: 8)
  /// PORT_OPEN, open or closed.
  static let state = OwedMessages(rawValue: 16)

  /// Removes the one that goes first.
  mutating func takeFirst() -> OwedMessages {
    let first = OwedMessages(rawValue: rawValue & (0 &- rawValue))
    subtract(first)
    return first
  }
}

/// A port as the device's queues see it.
protocol ConsolePortEnd: AnyObject {
  /// False where the device has no such port to tell of, only its queues.
  var exists: Bool { get }
  /// Whether the driver knows the port, told by PORT_ADD or of itself.
  var isAdded: Bool { get }
  var owed: OwedMessages { get set }

  /// Takes what it needs until ``reset()``.
  func activate(_ link: ConsoleLink)
  func reset()
  /// The driver has set the port up.
  func becomeReady()
  /// A program of the guest has opened or closed the port.
  func guestChanged(isOpen: Bool)
  /// The first message owed, as sent to the driver from here on.
  func takeMessage(port: Int) -> [UInt8]
  /// Fills the receive queue's buffers.
  /// - Returns: whether there is more to do now.
  func receive() -> Bool
  /// Empties the transmit queue.
  /// - Returns: whether there is more to do now.
  func transmit() -> Bool
}

/// What a port gets when its driver is ready.
struct ConsoleLink {
  let receive: VirtioQueue?
  let transmit: VirtioQueue?
  let memory: GuestMemory
  let interrupt: VirtioInterrupt
  /// Whether the two have agreed on VIRTIO_CONSOLE_F_SIZE.
  let hasSize: Bool
  /// Whether the two have agreed on VIRTIO_CONSOLE_F_MULTIPORT.
  let hasControl: Bool
}
