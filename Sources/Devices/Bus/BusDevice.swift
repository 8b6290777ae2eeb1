/// A set of registers on a bus.
///
/// Called on vCPU threads, several at a time. `offset` counts from the start of the device's range and
/// `offset + width` stays inside it; the value is the guest's and may be anything.
public protocol BusDevice: AnyObject, Sendable {
  /// The register's value. Bits above `width` are dropped by the bus.
  func read(offset: UInt64, width: AccessWidth) -> UInt64

  /// Writes the low `width` bytes of `value`; the bits above are zero.
  func write(offset: UInt64, width: AccessWidth, value: UInt64)
}

/// A device whose registers are single bytes. A wider access is so many byte accesses, lowest offset first,
/// as the ISA bus splits it.
public protocol ByteRegisterDevice: BusDevice {
  func readByte(offset: UInt64) -> UInt8
  func writeByte(offset: UInt64, value: UInt8)
}

extension ByteRegisterDevice {
  public func read(offset: UInt64, width: AccessWidth) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<width.bytes {
      value |= UInt64(readByte(offset: offset &+ index)) << (8 &* index)
    }
    return value
  }

  public func write(offset: UInt64, width: AccessWidth, value: UInt64) {
    for index in 0..<width.bytes {
      writeByte(offset: offset &+ index, value: UInt8(truncatingIfNeeded: value >> (8 &* index)))
    }
  }
}
