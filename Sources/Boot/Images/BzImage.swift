/// A packed Linux for x86_64: the setup header's fields that say where its payload is and what it holds.
/// (Linux, Documentation/x86/boot.rst, "The Real-Mode Kernel Header" and "Details of Header Fields".)
public struct BzImage: Sendable {
  /// Boot protocol version, major in the high byte.
  public let protocolVersion: UInt16
  /// The release and build line, such as `6.1.0-13-amd64 (...) #1 SMP ...`; nil where the header names none.
  public let kernelVersion: String?
  /// In bytes from the start of the file; the last four bytes are the unpacked size for every compression.
  public let payloadOffset: UInt64
  /// In bytes.
  public let payloadSize: UInt64
  /// nil for a payload in no known form.
  public let compression: Compression?
  /// Bytes of memory the kernel needs from its start until it reads its memory map (protocol 2.10; else 0).
  public let initSize: UInt32
  /// The address it prefers to run at (protocol 2.10; else 0).
  public let preferredAddress: UInt64
  public let isRelocatable: Bool
  /// The highest address an initrd's last byte may have.
  public let initrdAddressMaximum: UInt32
  /// The longest command line, in bytes without the terminating zero.
  public let commandLineLimit: UInt32
  /// Capabilities, XLF_* (protocol 2.12; else 0).
  public let loadFlags: UInt16

  /// Whether the "HdrS" signature is where a bzImage has it.
  static func isPresent(in start: [UInt8]) -> Bool {
    ByteView(start).slice(at: Header.magic, count: 4) == Array("HdrS".utf8)
  }

  /// - Throws: what is wrong with the file.
  public init(reading source: some ImageSource) throws(ImageError) {
    let header = try source.part("setup header", at: 0, count: Header.end)
    guard BzImage.isPresent(in: header.bytes) else { throw .notAKernel(looksLike: nil) }
    guard header.field(UInt16.self, Header.bootFlag) == 0xaa55 else { throw .corrupt("no 0xaa55 boot flag") }
    protocolVersion = header.field(UInt16.self, Header.version)
    guard protocolVersion >= 0x0208 else {
      throw .unsupported(
        "speaks boot protocol \(BzImage.text(protocolVersion)), from before Linux 2.6.26; give its vmlinux")
    }
    // 0 sectors stands for 4, as the first boot loaders had it.
    let sectors = header.bytes[Header.setupSectors]
    let codeOffset = (sectors == 0 ? 4 : UInt64(sectors)) * 512 + 512
    payloadOffset = codeOffset + UInt64(header.field(UInt32.self, Header.payloadOffset))
    payloadSize = UInt64(header.field(UInt32.self, Header.payloadSize))
    guard payloadSize > 4 else { throw .corrupt("a payload of \(payloadSize) bytes") }
    guard payloadOffset + payloadSize <= source.size else {
      throw .truncated(part: "payload", end: payloadOffset + payloadSize, size: source.size)
    }
    let has212 = protocolVersion >= 0x020c
    let has210 = protocolVersion >= 0x020a
    loadFlags = has212 ? header.field(UInt16.self, Header.extendedLoadFlags) : 0
    if has212, loadFlags & 1 == 0 { throw .wrongMachine("32-bit x86") }
    isRelocatable = header.bytes[Header.relocatable] != 0
    initSize = has210 ? header.field(UInt32.self, Header.initSize) : 0
    preferredAddress = has210 ? header.field(UInt64.self, Header.preferredAddress) : 0
    initrdAddressMaximum = header.field(UInt32.self, Header.initrdAddressMaximum)
    commandLineLimit = header.field(UInt32.self, Header.commandLineSize)
    kernelVersion = try BzImage.versionText(header, of: source, setupEnd: codeOffset)
    let start = try source.part("payload", at: payloadOffset, count: Int(min(payloadSize, 16)))
    compression = Compression(magic: start.bytes)
  }

  private static func versionText(
    _ header: ByteView, of source: some ImageSource, setupEnd: UInt64
  ) throws(ImageError) -> String? {
    let pointer = header.field(UInt16.self, Header.kernelVersion)
    let offset = UInt64(pointer) + 0x200
    guard pointer != 0, offset < min(setupEnd, source.size) else { return nil }
    let count = Int(min(setupEnd, source.size) - offset)
    return try source.part("version string", at: offset, count: min(count, 512)).text(at: 0)
  }

  /// A protocol version as people write it, such as 2.15.
  static func text(_ version: UInt16) -> String {
    let minor = version & 0xff
    return "\(version >> 8).\(minor < 10 ? "0" : "")\(minor)"
  }
}

/// Offsets in the file, in bytes.
private enum Header {
  static let setupSectors = 0x1f1
  static let bootFlag = 0x1fe
  static let magic = 0x202
  static let version = 0x206
  static let kernelVersion = 0x20e
  static let initrdAddressMaximum = 0x22c
  static let relocatable = 0x234
  static let extendedLoadFlags = 0x236
  static let commandLineSize = 0x238
  static let payloadOffset = 0x248
  static let payloadSize = 0x24c
  static let preferredAddress = 0x258
  static let initSize = 0x260
  static let end = 0x264
}
