import Boot
import Glibc

/// What Linux carries about itself inside its own image.
public struct EmbeddedText: Sendable {
  /// "Linux version ..." as the kernel prints it at boot; nil where there is none.
  public let banner: String?
  /// The configuration (CONFIG_IKCONFIG): names without CONFIG_, values as written; nil where there is none.
  public let configuration: [String: String]?

  /// Searches an unpacked kernel.
  public init(in kernel: [UInt8]) {
    banner = EmbeddedText.banner(in: kernel)
    configuration = EmbeddedText.configuration(in: kernel)
  }

  private static func banner(in kernel: [UInt8]) -> String? {
    let start = Array("Linux version ".utf8)
    var position = 0
    while let found = firstIndex(of: start, in: kernel, from: position) {
      position = found + start.count
      // Elsewhere the same words are a format for one.
      guard position < kernel.count, (0x30...0x39).contains(kernel[position]) else { continue }
      let line = kernel[found..<min(found + 512, kernel.count)].prefix { $0 != 0 && $0 != 0x0a }
      return String(decoding: line, as: UTF8.self)
    }
    return nil
  }

  /// A gzip stream between two marks.
  private static func configuration(in kernel: [UInt8]) -> [String: String]? {
    let startMark = Array("IKCFG_ST".utf8)
    guard let start = firstIndex(of: startMark, in: kernel, from: 0),
      let end = firstIndex(of: Array("IKCFG_ED".utf8), in: kernel, from: start),
      let text = try? Compression.gzip.unpack(Array(kernel[(start + startMark.count)..<end]), limit: 4 << 20)
    else { return nil }
    var values: [String: String] = [:]
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") where line.hasPrefix("CONFIG_") {
      guard let sign = line.firstIndex(of: "=") else { continue }
      values[String(line[..<sign].dropFirst(7))] = String(line[line.index(after: sign)...])
    }
    return values
  }
}

/// Where `pattern` begins in `bytes`, at `start` or later; nil where it does not occur.
func firstIndex(of pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
  bytes.withUnsafeBytes { buffer in
    guard let base = buffer.baseAddress, let first = pattern.first else { return nil }
    var position = start
    while position + pattern.count <= buffer.count {
      let last = buffer.count - pattern.count
      guard let hit = memchr(base + position, Int32(first), last - position + 1) else { return nil }
      position = UnsafeRawPointer(hit) - base
      if buffer[position..<(position + pattern.count)].elementsEqual(pattern) { return position }
      position += 1
    }
    return nil
  }
}
