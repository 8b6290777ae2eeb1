import Testing

@testable import Boot

@Suite struct BzImageTests {
  /// Two setup sectors, a payload of gzip at 0x100 of the code, 2.15.
  private var file: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 0x600 + 0x200)
    bytes[0x1f1] = 2
    bytes.put(UInt16(0xaa55), at: 0x1fe)
    bytes.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
    bytes.put(UInt16(0x020f), at: 0x206)
    bytes.put(UInt16(0x100), at: 0x20e)
    bytes.replaceSubrange(0x300..<0x308, with: Array("6.1.0 #1".utf8))
    bytes.put(UInt32(0x7fff_ffff), at: 0x22c)
    bytes[0x234] = 1
    bytes.put(UInt16(0x3f), at: 0x236)
    bytes.put(UInt32(2047), at: 0x238)
    bytes.put(UInt32(0x100), at: 0x248)
    bytes.put(UInt32(0x80), at: 0x24c)
    bytes.put(UInt64(0x100_0000), at: 0x258)
    bytes.put(UInt32(0xabc000), at: 0x260)
    bytes.replaceSubrange(0x700..<0x702, with: [0x1f, 0x8b])
    return bytes
  }

  private func parse(_ bytes: [UInt8]) throws(ImageError) -> BzImage {
    guard case .bzImage(let image) = try KernelImage(reading: ImageBytes(bytes)) else {
      throw .notAKernel(looksLike: nil)
    }
    return image
  }

  @Test func fieldsAreWhereTheProtocolHasThem() throws {
    let image = try parse(file)
    #expect(image.protocolVersion == 0x020f)
    #expect(image.kernelVersion == "6.1.0 #1")
    #expect(image.payloadOffset == 0x700)
    #expect(image.payloadSize == 0x80)
    #expect(image.compression == .gzip)
    #expect(image.initSize == 0xabc000)
    #expect(image.preferredAddress == 0x100_0000)
    #expect(image.isRelocatable)
    #expect(image.initrdAddressMaximum == 0x7fff_ffff)
    #expect(image.commandLineLimit == 2047)
    #expect(image.loadFlags == 0x3f)
  }

  @Test func everyTruncationIsRefused() throws {
    for count in 1..<file.count where count < 0x780 {
      #expect(throws: ImageError.self, "\(count) bytes") { try parse(Array(file.prefix(count))) }
    }
    _ = try parse(Array(file.prefix(0x780)))
  }

  @Test func whatCannotBeUnpackedIsSaid() {
    var old = file
    old.put(UInt16(0x0206), at: 0x206)
    #expect(
      throws: ImageError.unsupported("speaks boot protocol 2.06, from before Linux 2.6.26; give its vmlinux")
    ) { try parse(old) }
    var narrow = file
    narrow.put(UInt16(0), at: 0x236)
    #expect(throws: ImageError.wrongMachine("32-bit x86")) { try parse(narrow) }
    var far = file
    far.put(UInt32.max, at: 0x248)
    #expect(throws: ImageError.truncated(part: "payload", end: 0x1_0000_067f, size: 0x800)) {
      try parse(far)
    }
    var none = file
    none.put(UInt32(0), at: 0x24c)
    #expect(throws: ImageError.corrupt("a payload of 0 bytes")) { try parse(none) }
    var unflagged = file
    unflagged[0x1fe] = 0
    #expect(throws: ImageError.corrupt("no 0xaa55 boot flag")) { try parse(unflagged) }
  }

  @Test func aVersionPastTheSetupCodeIsNone() throws {
    var bytes = file
    bytes.put(UInt16(0xfff0), at: 0x20e)
    #expect(try parse(bytes).kernelVersion == nil)
  }

  @Test func noFlippedByteTraps() {
    for offset in Array(0x1f0..<0x268) + Array(0x700..<0x710) {
      for value: UInt8 in [0x00, 0x01, 0x7f, 0x80, 0xff] {
        var changed = file
        changed[offset] = value
        _ = try? parse(changed)
      }
    }
  }

  @Test(
    arguments: [
      (Compression.gzip, [0x1f, 0x8b, 8]), (.lz4, [0x02, 0x21, 0x4c, 0x18]),
      (.zstd, [0x28, 0xb5, 0x2f, 0xfd]),
      (.xz, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), (.lzma, [0x5d, 0, 0, 0]), (.bzip2, [0x42, 0x5a, 0x68]),
      (.lzo, [0x89, 0x4c, 0x5a, 0x4f, 0, 0x0d, 0x0a, 0x1a, 0x0a]),
    ] as [(Compression, [UInt8])])
  func compressionsAreKnownByTheirFirstBytes(_ compression: Compression, _ start: [UInt8]) {
    #expect(Compression(magic: start) == compression)
    #expect(Compression(magic: start.dropLast(start.count - 1)) == nil)
  }
}
