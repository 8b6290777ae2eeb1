/// Register names and bits of the 16550 (National Semiconductor PC16550D data sheet, chapter 8).
enum SerialRegister {
  static let data: UInt64 = 0
  static let interruptEnable: UInt64 = 1
  static let interruptIdentification: UInt64 = 2
  static let lineControl: UInt64 = 3
  static let modemControl: UInt64 = 4
  static let lineStatus: UInt64 = 5
  static let modemStatus: UInt64 = 6
}

/// IER.
struct SerialInterruptEnable: OptionSet {
  let rawValue: UInt8
  static let receivedData = Self(rawValue: 0x01)
  static let transmitterEmpty = Self(rawValue: 0x02)
  static let lineStatus = Self(rawValue: 0x04)
  static let modemStatus = Self(rawValue: 0x08)
  static let all: Self = [.receivedData, .transmitterEmpty, .lineStatus, .modemStatus]
}

/// IIR, without the two FIFO bits. The order of priority is that of the cases.
enum SerialInterruptCause: UInt8 {
  case lineStatus = 0x06
  case receivedData = 0x04
  case characterTimeout = 0x0C
  case transmitterEmpty = 0x02
  case modemStatus = 0x00
  case none = 0x01
}

/// FCR.
struct SerialFIFOControl: OptionSet {
  let rawValue: UInt8
  static let enable = Self(rawValue: 0x01)
  static let clearReceive = Self(rawValue: 0x02)
  static let clearTransmit = Self(rawValue: 0x04)

  /// Bytes in the receive FIFO that raise the received-data interrupt.
  var triggerLevel: Int {
    switch rawValue >> 6 {
    case 0: 1
    case 1: 4
    case 2: 8
    default: 14
    }
  }
}

/// LCR; word length, parity and stop bits are remembered and change nothing.
struct SerialLineControl: OptionSet {
  let rawValue: UInt8
  static let divisorLatchAccess = Self(rawValue: 0x80)
}

/// MCR.
struct SerialModemControl: OptionSet {
  let rawValue: UInt8
  static let dataTerminalReady = Self(rawValue: 0x01)
  static let requestToSend = Self(rawValue: 0x02)
  static let output1 = Self(rawValue: 0x04)
  static let output2 = Self(rawValue: 0x08)
  static let loopback = Self(rawValue: 0x10)
  static let all = Self(rawValue: 0x1F)
}

/// LSR.
struct SerialLineStatus: OptionSet {
  let rawValue: UInt8
  static let dataReady = Self(rawValue: 0x01)
  static let overrunError = Self(rawValue: 0x02)
  static let transmitterHoldingEmpty = Self(rawValue: 0x20)
  static let transmitterEmpty = Self(rawValue: 0x40)
}

/// MSR: the low four bits say which of the high four changed since the last read.
struct SerialModemStatus: OptionSet {
  let rawValue: UInt8
  static let clearToSend = Self(rawValue: 0x10)
  static let dataSetReady = Self(rawValue: 0x20)
  static let ringIndicator = Self(rawValue: 0x40)
  static let carrierDetect = Self(rawValue: 0x80)
  static let connected: Self = [.clearToSend, .dataSetReady, .carrierDetect]
}

/// The 16 bytes of a 16550 FIFO.
struct SerialFIFO {
  static let capacity = 16
  private var bytes = InlineArray<16, UInt8>(repeating: 0)
  private var head = 0
  private(set) var count = 0

  /// The oldest byte.
  var first: UInt8? { count > 0 ? bytes[head] : nil }

  /// False when full; the byte is then dropped.
  mutating func append(_ byte: UInt8) -> Bool {
    guard count < Self.capacity else { return false }
    bytes[(head + count) % Self.capacity] = byte
    count += 1
    return true
  }

  mutating func removeFirst() -> UInt8? {
    guard count > 0 else { return nil }
    let byte = bytes[head]
    head = (head + 1) % Self.capacity
    count -= 1
    return byte
  }

  mutating func removeAll() { count = 0 }
}
