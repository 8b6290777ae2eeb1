/// A compression that Linux packs its payload with.
public enum Compression: String, CaseIterable, Sendable, CustomStringConvertible {
  case gzip, lz4, zstd, xz, lzma, bzip2, lzo

  public var description: String { rawValue }

  /// The bytes a compressed stream begins with. lz4 is the legacy frame, the one the kernel's build makes; lzma
  /// has no magic of its own: these are its usual properties byte and a dictionary size below 16 MiB.
  private var magic: [UInt8] {
    switch self {
    case .gzip: [0x1f, 0x8b]
    case .lz4: [0x02, 0x21, 0x4c, 0x18]
    case .zstd: [0x28, 0xb5, 0x2f, 0xfd]
    case .xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
    case .lzma: [0x5d, 0x00, 0x00]
    case .bzip2: [0x42, 0x5a, 0x68]
    case .lzo: [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a]
    }
  }

  /// Recognizes a stream by its first bytes; nil for none of them.
  public init?(magic start: [UInt8]) {
    guard let match = Compression.allCases.first(where: { start.starts(with: $0.magic) }) else { return nil }
    self = match
  }
}
