/// The state and behaviour of a 16550A, without lock, host and interrupt line.
struct SerialPort {
  private var interruptEnable: SerialInterruptEnable = []
  private var lineControl: SerialLineControl = []
  private var modemControl: SerialModemControl = []
  private var fifosEnabled = false
  private var triggerLevel = 1
  private var divisor: UInt16 = 12
  private var scratch: UInt8 = 0
  private var overrun = false
  private var modemDelta: UInt8 = 0
  private var receiveFIFO = SerialFIFO()
  private var transmitFIFO = SerialFIFO()
  private var transmitterEmptyPending = false
  private var lineHigh = false
  private var edge = false
  private var refusedInput = false
  private var roomReport = false

  // MARK: The guest's side

  mutating func read(_ offset: UInt64) -> UInt8 {
    defer { updateLine() }
    let latch = lineControl.contains(.divisorLatchAccess)
    switch offset {
    case SerialRegister.data where latch: return UInt8(truncatingIfNeeded: divisor)
    case SerialRegister.interruptEnable where latch: return UInt8(truncatingIfNeeded: divisor >> 8)
    case SerialRegister.data: return takeReceived()
    case SerialRegister.interruptEnable: return interruptEnable.rawValue
    case SerialRegister.interruptIdentification: return identifyInterrupt()
    case SerialRegister.lineControl: return lineControl.rawValue
    case SerialRegister.modemControl: return modemControl.rawValue
    case SerialRegister.lineStatus:
      let status = lineStatus
      overrun = false
      return status.rawValue
    case SerialRegister.modemStatus:
      let status = modemStatus.rawValue | modemDelta
      modemDelta = 0
      return status
    default: return scratch
    }
  }

  /// True if there is something new to send.
  mutating func write(_ offset: UInt64, _ value: UInt8) -> Bool {
    defer { updateLine() }
    let latch = lineControl.contains(.divisorLatchAccess)
    switch offset {
    case SerialRegister.data where latch: divisor = divisor & 0xFF00 | UInt16(value)
    case SerialRegister.interruptEnable where latch: divisor = divisor & 0x00FF | UInt16(value) << 8
    case SerialRegister.data: return send(value)
    case SerialRegister.interruptEnable:
      let enable = SerialInterruptEnable(rawValue: value).intersection(.all)
      // Enabling the interrupt of an empty transmitter raises it at once (data sheet, 8.4).
      if enable.subtracting(interruptEnable).contains(.transmitterEmpty), transmitFIFO.count == 0 {
        transmitterEmptyPending = true
      }
      interruptEnable = enable
    case SerialRegister.interruptIdentification: setFIFOControl(SerialFIFOControl(rawValue: value))
    case SerialRegister.lineControl: lineControl = SerialLineControl(rawValue: value)
    case SerialRegister.modemControl: setModemControl(SerialModemControl(rawValue: value).intersection(.all))
    case SerialRegister.lineStatus, SerialRegister.modemStatus: break
    default: scratch = value
    }
    return false
  }

  private var receiveCapacity: Int { fifosEnabled ? SerialFIFO.capacity : 1 }

  private mutating func takeReceived() -> UInt8 {
    let byte = receiveFIFO.removeFirst() ?? 0
    if receiveFIFO.count == 0 { reportRoom() }
    return byte
  }

  private mutating func send(_ byte: UInt8) -> Bool {
    transmitterEmptyPending = false
    if modemControl.contains(.loopback) {
      if receiveFIFO.count >= receiveCapacity || !receiveFIFO.append(byte) { overrun = true }
      transmitterEmptyPending = true
      return false
    }
    // A full FIFO means that the guest did not look at the line status; hardware loses the byte too.
    return transmitFIFO.append(byte)
  }

  private mutating func setFIFOControl(_ control: SerialFIFOControl) {
    let enable = control.contains(.enable)
    let toggled = enable != fifosEnabled
    fifosEnabled = enable
    triggerLevel = enable ? control.triggerLevel : 1
    if toggled || control.contains(.clearReceive) {
      receiveFIFO.removeAll()
      reportRoom()
    }
    if toggled || control.contains(.clearTransmit), transmitFIFO.count > 0 {
      transmitFIFO.removeAll()
      transmitterEmptyPending = true
    }
  }

  private mutating func reportRoom() {
    guard refusedInput, isListening else { return }
    refusedInput = false
    roomReport = true
  }

  private mutating func setModemControl(_ control: SerialModemControl) {
    let before = modemStatus
    modemControl = control
    reportRoom()
    let changed = before.symmetricDifference(modemStatus)
    modemDelta |= changed.subtracting(.ringIndicator).rawValue >> 4
    // The ring indicator's delta bit marks the trailing edge only.
    if changed.contains(.ringIndicator), before.contains(.ringIndicator) { modemDelta |= 0x04 }
  }

  private var lineStatus: SerialLineStatus {
    var status: SerialLineStatus = []
    if receiveFIFO.count > 0 { status.insert(.dataReady) }
    if overrun { status.insert(.overrunError) }
    if transmitFIFO.count == 0 { status.formUnion([.transmitterHoldingEmpty, .transmitterEmpty]) }
    return status
  }

  /// The modem lines: always connected, or in loopback the guest's own outputs.
  private var modemStatus: SerialModemStatus {
    guard modemControl.contains(.loopback) else { return .connected }
    var status: SerialModemStatus = []
    if modemControl.contains(.requestToSend) { status.insert(.clearToSend) }
    if modemControl.contains(.dataTerminalReady) { status.insert(.dataSetReady) }
    if modemControl.contains(.output1) { status.insert(.ringIndicator) }
    if modemControl.contains(.output2) { status.insert(.carrierDetect) }
    return status
  }

  // MARK: Interrupts

  private var cause: SerialInterruptCause {
    if interruptEnable.contains(.lineStatus), overrun { return .lineStatus }
    if interruptEnable.contains(.receivedData), receiveFIFO.count > 0 {
      // Below the trigger level hardware waits four character times; here a character takes no time.
      return receiveFIFO.count >= triggerLevel ? .receivedData : .characterTimeout
    }
    if interruptEnable.contains(.transmitterEmpty), transmitterEmptyPending { return .transmitterEmpty }
    if interruptEnable.contains(.modemStatus), modemDelta != 0 { return .modemStatus }
    return .none
  }

  private mutating func identifyInterrupt() -> UInt8 {
    let cause = cause
    if cause == .transmitterEmpty { transmitterEmptyPending = false }
    return cause.rawValue | (fifosEnabled ? 0xC0 : 0)
  }

  private mutating func updateLine() {
    let high = cause != .none
    if high, !lineHigh { edge = true }
    lineHigh = high
  }

  // MARK: The host's side

  /// The oldest byte not sent yet.
  var nextToSend: UInt8? { transmitFIFO.first }

  /// The host took the oldest byte.
  mutating func sent() {
    _ = transmitFIFO.removeFirst()
    if transmitFIFO.count == 0 { transmitterEmptyPending = true }
    updateLine()
  }

  /// Whether the guest has a use for input, which it says by the modem line, as to a peer with hardware flow control.
  /// Before, drivers probe the port and clear the FIFO (Linux with DTR raised and the receive interrupt enabled). In
  /// loopback the receiver is cut off from the line.
  private var isListening: Bool { !modemControl.contains(.loopback) && modemControl.contains(.requestToSend) }

  mutating func receive(_ bytes: some Collection<UInt8>) -> Int {
    defer { updateLine() }
    let room = isListening ? max(receiveCapacity - receiveFIFO.count, 0) : 0
    var accepted = 0
    for byte in bytes.prefix(room) {
      guard receiveFIFO.append(byte) else { break }
      accepted += 1
    }
    if accepted < bytes.count { refusedInput = true }
    return accepted
  }

  /// True once for each edge of the interrupt output since the last call.
  mutating func takeEdge() -> Bool {
    defer { edge = false }
    return edge
  }

  /// True once when there is room again after `receive` refused bytes.
  mutating func takeRoomReport() -> Bool {
    defer { roomReport = false }
    return roomReport
  }
}
