import Platform

/// The kernel command line: words separated by spaces, of which the guests understand `name=number`.
struct CommandLine {
  let text: UnsafePointer<UInt8>?
  /// More bytes than any command line has.
  private static var limit: UInt64 { 1 << 16 }

  /// The decimal number given as `name=`, where `name` includes the `=`. The first one counts.
  /// nil when there is none; digits end at the first other character, and the value wraps.
  func number(_ name: StaticString) -> UInt64? {
    guard let digits = value(name), digits.pointee &- zero < 10 else { return nil }
    var cursor = digits
    var number: UInt64 = 0
    while cursor.pointee &- zero < 10 {
      number = number &* 10 &+ UInt64(cursor.pointee &- zero)
      cursor += 1
    }
    return number
  }

  /// Where the value of `name=` begins.
  private func value(_ name: StaticString) -> UnsafePointer<UInt8>? {
    guard var word = text else { return nil }
    let end = after8(0, word, CommandLine.limit) - 1
    while word < end {
      if let value = match(name, at: word) { return value }
      word = after8(space, word, UInt64(end - word))
    }
    return nil
  }

  private func match(_ name: StaticString, at start: UnsafePointer<UInt8>) -> UnsafePointer<UInt8>? {
    for index in 0..<name.utf8CodeUnitCount where start[index] != name.utf8Start[index] { return nil }
    return start + name.utf8CodeUnitCount
  }

  private var zero: UInt8 { 0x30 }
  private var space: UInt8 { 0x20 }
}
