/// ACPI machine language, the few forms that a description of fixed devices needs (ACPI 6.4, section 20.2). Each
/// function gives the bytes of one object.
enum AML {
  static func integer(_ value: UInt32) -> [UInt8] {
    switch value {
    case 0, 1: return [UInt8(value)]
    case ...0xff: return [0x0a, UInt8(value)]
    case ...0xffff: return [0x0b] + encoded(UInt16(value))
    default: return [0x0c] + encoded(value)
    }
  }

  static func string(_ text: String) -> [UInt8] { [0x0d] + Array(text.utf8) + [0] }

  /// A Plug and Play identifier such as PNP0501: three letters of 5 bits and four hexadecimal digits, high byte first
  /// (section 6.1.5).
  static func eisaIdentifier(_ text: StaticString) -> [UInt8] {
    let characters = Array("\(text)".utf8)
    var value: UInt32 = 0
    for letter in characters.prefix(3) { value = value << 5 | UInt32(letter & 0x1f) }
    for digit in characters.dropFirst(3) {
      value = value << 4 | UInt32(digit < 0x41 ? digit & 0xf : (digit & 0xf) + 9)
    }
    return [0x0c] + encoded(value.byteSwapped)
  }

  /// A name of four characters, or with a leading backslash for one at the root.
  static func name(_ name: String, _ value: [UInt8]) -> [UInt8] { [0x08] + Array(name.utf8) + value }

  static func scope(_ name: String, _ terms: [[UInt8]]) -> [UInt8] {
    [0x10] + packaged(Array(name.utf8) + terms.joined())
  }

  static func device(_ name: String, _ terms: [[UInt8]]) -> [UInt8] {
    [0x5b, 0x82] + packaged(Array(name.utf8) + terms.joined())
  }

  static func package(_ elements: [[UInt8]]) -> [UInt8] {
    [0x12] + packaged([UInt8(elements.count)] + elements.joined())
  }

  /// A buffer that holds resource descriptors, closed by an end tag without checksum (section 6.4).
  static func resources(_ descriptors: [[UInt8]]) -> [UInt8] {
    let contents = descriptors.joined() + [0x79, 0]
    return [0x11] + packaged(integer(UInt32(contents.count)) + contents)
  }

  /// Memory32Fixed, writable.
  static func memory(_ address: UInt32, size: UInt32) -> [UInt8] {
    [0x86, 9, 0, 1] + encoded(address) + encoded(size)
  }

  /// IO at one place, all 16 address bits decoded.
  static func ports(_ first: UInt16, count: UInt8) -> [UInt8] {
    [0x47, 1] + encoded(first) + encoded(first) + [1, count]
  }

  /// Interrupt: consumed, edge triggered, active high, not shared.
  static func interrupt(_ number: UInt8) -> [UInt8] { [0x89, 6, 0, 3, 1] + encoded(UInt32(number)) }

  /// The contents after their length, which counts its own bytes too (section 20.2.4).
  private static func packaged(_ contents: [UInt8]) -> [UInt8] {
    if contents.count + 1 < 0x40 { return [UInt8(contents.count + 1)] + contents }
    let following = contents.count + 2 < 1 << 12 ? 1 : contents.count + 3 < 1 << 20 ? 2 : 3
    let length = contents.count + 1 + following
    var bytes = [UInt8(following << 6 | length & 0xf)]
    for index in 0..<following { bytes.append(UInt8(truncatingIfNeeded: length >> (4 + 8 * index))) }
    return bytes + contents
  }

  private static func encoded<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(number: value)
    return bytes
  }
}
