import LinuxSystem

/// What a request has behind its header, copied out of guest memory; every part taken is checked against what is left.
struct FuseBody {
  /// Bytes of the longest body but for the data of a write: a structure, a name and the text of a symbolic link.
  static let limit = 8192
  /// Bytes of a symbolic link's text (PATH_MAX, without the zero byte).
  static let targetLimit = 4095

  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func next<Field: FixedWidthInteger & UnsignedInteger>(
    _ type: Field.Type = Field.self
  ) throws(FuseError) -> Field {
    let count = Field.bitWidth / 8
    guard rest.count >= count else { throw .invalid }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count).reversed().reduce(0) { $0 << 8 | Field($1) }
  }

  mutating func skip(_ count: Int) throws(FuseError) {
    guard rest.count >= count else { throw .invalid }
    rest = rest.dropFirst(count)
  }

  /// The bytes up to the next zero byte, which must be there.
  private mutating func text() throws(FuseError) -> ArraySlice<UInt8> {
    guard let end = rest.firstIndex(of: 0) else { throw .invalid }
    defer { rest = rest[(end + 1)...] }
    return rest[..<end]
  }

  mutating func name() throws(FuseError) -> FileName {
    let text = try text()
    guard text.count <= FileName.limit else { throw .nameTooLong }
    guard let name = FileName(text) else { throw .invalid }
    return name
  }

  /// What a symbolic link says.
  mutating func target() throws(FuseError) -> [UInt8] {
    let text = try text()
    guard text.count <= Self.targetLimit else { throw .nameTooLong }
    guard !text.isEmpty else { throw .invalid }
    return Array(text)
  }

  /// Nothing may follow what a request has.
  func end() throws(FuseError) {
    guard isAtEnd else { throw .invalid }
  }
}
