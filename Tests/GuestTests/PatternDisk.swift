import Foundation

/// A disk image of 256 sectors, of which sector n holds the little-endian words n * 128 + i; removed with its owner.
final class PatternDisk {
  static let words = (0..<256 * 128).map { UInt32($0) }

  let path: String

  init() throws {
    let name = "swiftlet-test-\(UUID().uuidString).img"
    path = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
    let bytes = PatternDisk.words.flatMap { word in
      (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// What the image holds now.
  func words() throws -> [UInt32] {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    return stride(from: 0, to: bytes.count - 3, by: 4).map { place in
      bytes[place..<place + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
  }
}
