import Boot
public import Configuration
public import LinuxSystem

/// What a file that is no kernel can be to a guest, by its first bytes.
enum GuestFile {
  case ramDisk(String)
  case disk(String)
  case notRaw(String)

  /// nil for what no guest has a use for, as far as this knows.
  init?(reading source: some ImageSource) {
    guard let start = try? source.bytes(at: 0, count: Int(min(source.size, 2048))) else { return nil }
    func has(_ magic: [UInt8], at offset: Int) -> Bool { start.dropFirst(offset).starts(with: magic) }
    if has(Array("070701".utf8), at: 0) || has(Array("070702".utf8), at: 0) {
      self = .ramDisk("cpio archive")
    } else if let compression = Compression(magic: start) {
      self = .ramDisk("\(compression) stream")
    } else if let disk = GuestFile.disks.first(where: { has($0.magic, at: $0.offset) }) {
      self = .disk(disk.name)
    } else if let image = GuestFile.images.first(where: { has($0.magic, at: $0.offset) }) {
      self = .notRaw(image.name)
    } else {
      return nil
    }
  }

  var format: String {
    switch self {
    case .ramDisk(let name), .disk(let name), .notRaw(let name): name
    }
  }

  var use: String {
    switch self {
    case .ramDisk: "--initrd"
    case .disk: "--disk"
    case .notRaw: "none: \(GuestFile.conversion)"
    }
  }

  fileprivate static let conversion = "convert it to a raw image, as with qemu-img convert -O raw"

  /// Formats of disk images that hold a disk's blocks in an order of their own. VirtualBox's mark is at 0x40, and one of
  /// VMware's is a text.
  private static let images: [(name: String, offset: Int, magic: [UInt8])] = [
    ("qcow2", 0, Array("QFI".utf8) + [0xFB]),
    ("VMDK", 0, Array("KDMV".utf8)), ("VMDK", 0, Array("# Disk DescriptorFile".utf8)),
    ("VHD", 0, Array("conectix".utf8)), ("VHDX", 0, Array("vhdxfile".utf8)),
    ("VDI", 0x40, [0x7F, 0x10, 0xDA, 0xBE]),
  ]

  /// File systems before partition tables, whose mark a boot sector may carry too.
  private static let disks: [(name: String, offset: Int, magic: [UInt8])] = [
    ("ext2, ext3 or ext4 file system", 0x438, [0x53, 0xEF]),
    ("EROFS file system", 0x400, [0xE2, 0xE1, 0xF5, 0xE0]),
    ("SquashFS file system", 0, Array("hsqs".utf8)),
    ("XFS file system", 0, Array("XFSB".utf8)),
    ("disk with a GUID partition table", 0x200, Array("EFI PART".utf8)),
    ("disk with a boot sector or an MBR partition table", 0x1FE, [0x55, 0xAA]),
  ]
}

/// Refuses the disk image in `file`, which a person named `path`, where its bytes are known not to be a disk's: a guest
/// would not find its file system there, and what it writes would destroy the image. A packed one that cannot be written
/// to is let through, for the guest may want just these bytes.
public func checkIsRaw(
  _ file: consuming FileDescriptor, path: String, readOnly: Bool
) throws(Diagnostic) {
  guard let source = try? FileSource(file), let known = GuestFile(reading: source) else { return }
  switch known {
  case .notRaw(let name):
    throw Diagnostic(
      .badInput, "disk is a \(name) image, not a raw one", which: path, mend: GuestFile.conversion)
  case .ramDisk(let name) where !readOnly && name.hasSuffix(" stream"):
    throw Diagnostic(
      .badInput, "disk is a \(name), not a raw image", which: path,
      mend: "unpack it, or add ,ro if the guest is to read it as it is")
  default: return
  }
}
