import Glibc

/// Bytes of a command line or an environment as text and back, with nothing lost where they are not UTF-8.
///
/// Such a byte stands as one character of the last plane for private use, U+10FE80 to U+10FEFF; a character of that range
/// stands as those of its bytes.
enum ArgumentText {
  /// The text that stands for bytes.
  static func text(_ bytes: some Collection<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self), !isEscaped(text) { return text }
    var text = ""
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let count = (1...4).first { count in
        guard let piece = String(validating: rest.prefix(count), as: UTF8.self) else { return false }
        return !isEscaped(piece)
      }
      if let count {
        text += String(decoding: rest.prefix(count), as: UTF8.self)
        rest = rest.dropFirst(count)
      } else {
        let byte = rest.removeFirst()
        text += String(decoding: [0xf4, 0x8f, 0xba + (byte >> 6 & 1), 0x80 | byte & 0x3f], as: UTF8.self)
      }
    }
    return text
  }

  /// The bytes that a text stands for.
  static func bytes(_ text: String) -> [UInt8] {
    guard isEscaped(text) else { return Array(text.utf8) }
    return text.unicodeScalars.flatMap { scalar in
      isEscape(scalar) ? [UInt8(truncatingIfNeeded: scalar.value)] : Array(String(scalar).utf8)
    }
  }

  private static func isEscape(_ scalar: Unicode.Scalar) -> Bool {
    (0x10fe80...0x10feff).contains(scalar.value)
  }

  private static func isEscaped(_ text: String) -> Bool { text.unicodeScalars.contains(where: isEscape) }

  /// The words after the program's name.
  static func commandLine() -> [String] {
    (1..<max(Int(CommandLine.argc), 1)).compactMap { index in
      CommandLine.unsafeArgv[index].map { text(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
    }
  }

  /// A variable of this process's environment.
  static func variable(_ name: String) -> String? {
    getenv(name).map { text(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
  }
}
