import Boot

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
    } else if has(Array("QFI".utf8) + [0xFB], at: 0) {
      self = .notRaw("qcow2")
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
    case .notRaw: "none: convert it to a raw image, as with qemu-img convert -O raw"
    }
  }

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
