/// What kind of kernel a file holds, by its contents.
public enum KernelImage: Sendable {
  /// A linked kernel, which the monitor can enter.
  case elf(ELFImage)
  /// A packed Linux, whose payload must be unpacked to an ELF first.
  case bzImage(BzImage)

  static let elfMagic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46]

  /// - Throws: what is wrong with the file.
  public init(reading source: some ImageSource) throws(ImageError) {
    guard source.size > 0 else { throw .empty }
    let start = try source.part("first bytes", at: 0, count: Int(min(source.size, 0x210))).bytes
    if start.starts(with: KernelImage.elfMagic) {
      self = .elf(try ELFImage(reading: source))
    } else if BzImage.isPresent(in: start) {
      self = .bzImage(try BzImage(reading: source))
    } else if ByteView(start).slice(at: 0x38, count: 4) == Array("ARM\u{64}".utf8) {
      throw .wrongMachine("arm64")
    } else {
      throw .notAKernel(looksLike: KernelImage.resemblance(of: start))
    }
  }

  private static func resemblance(of start: [UInt8]) -> String? {
    if let compression = Compression(magic: start) { return "a \(compression) file" }
    if start.starts(with: Array("#!".utf8)) { return "a script" }
    if start.starts(with: Array("070701".utf8)) { return "a cpio archive (an initrd?)" }
    if KernelImage.elfMagic.starts(with: start) { return "the first \(start.count) bytes of an ELF" }
    return nil
  }
}
