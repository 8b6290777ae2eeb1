/// Goes through the little-endian fields of a structure that lie without padding; allocates nothing.
struct FieldReader<let size: Int> {
  private let bytes: InlineArray<size, UInt8>
  private var place = 0

  init(_ bytes: InlineArray<size, UInt8>) { self.bytes = bytes }

  mutating func next<Field: FixedWidthInteger & UnsignedInteger>(_ type: Field.Type = Field.self) -> Field {
    var field: Field = 0
    for index in 0..<(Field.bitWidth / 8) { field |= Field(bytes[place + index]) << Field(8 * index) }
    place += Field.bitWidth / 8
    return field
  }
}

/// Puts such fields one after the other.
struct FieldWriter<let size: Int> {
  private(set) var bytes = InlineArray<size, UInt8>(repeating: 0)
  private var place = 0

  mutating func put<Field: FixedWidthInteger & UnsignedInteger>(_ field: Field) {
    for index in 0..<(Field.bitWidth / 8) {
      bytes[place + index] = UInt8(truncatingIfNeeded: field >> Field(8 * index))
    }
    place += Field.bitWidth / 8
  }
}
