/// Bytes of unknown origin, read as little-endian numbers with every offset checked.
struct ByteView {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var count: Int { bytes.count }

  /// The number at `offset`; nil where the bytes end before it does.
  func number<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type, at offset: Int) -> Value? {
    let width = Value.bitWidth / 8
    guard offset >= 0, offset <= bytes.count, width <= bytes.count - offset else { return nil }
    var value: Value = 0
    for index in 0..<width { value |= Value(bytes[offset + index]) << Value(8 * index) }
    return value
  }

  /// The number at an offset that the caller knows to be inside: a fixed field of a header of checked length.
  func field<Value: FixedWidthInteger & UnsignedInteger>(_ type: Value.Type, _ offset: Int) -> Value {
    guard let value = number(type, at: offset) else {
      preconditionFailure("the field at \(offset) is outside a header of \(bytes.count) bytes")
    }
    return value
  }

  /// `count` bytes from `offset`; nil where the bytes end before that.
  func slice(at offset: Int, count: Int) -> [UInt8]? {
    guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else { return nil }
    return Array(bytes[offset..<(offset + count)])
  }

  /// The characters from `offset` to a zero byte or the end; nil where `offset` is outside.
  func text(at offset: Int) -> String? {
    guard offset >= 0, offset < bytes.count else { return nil }
    return String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
  }
}

extension [UInt8] {
  /// Appends a number in little-endian order.
  mutating func append<Value: FixedWidthInteger>(number value: Value) {
    for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
      append(UInt8(truncatingIfNeeded: value >> Value(shift)))
    }
  }

  /// Overwrites what is at `offset` with a number in little-endian order.
  mutating func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
    for index in 0..<(Value.bitWidth / 8) {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> Value(8 * index))
    }
  }

  /// The byte that makes these bytes and itself sum to zero, modulo 256: the checksum of MP and ACPI tables.
  var balancingByte: UInt8 { 0 &- reduce(0, &+) }
}
