import LinuxSystem

/// What an image's file is, by its bytes.
enum DiskImage {
  private static func has(_ magic: [UInt8], at offset: UInt64, in file: borrowing FileDescriptor) -> Bool {
    (try? file.bytes(count: magic.count, at: offset)) == magic
  }

  /// The file system that a guest's kernel mounts as it is; nil where there is none.
  static func format(of file: borrowing FileDescriptor) -> FileSystemFormat? {
    // EROFS_SUPER_MAGIC_V1, and s_magic of ext2, ext3 and ext4, both in superblocks at 1024.
    if has([0xe2, 0xe1, 0xf5, 0xe0], at: 1024, in: file) { return .erofs }
    if has([0x53, 0xef], at: 1024 + 56, in: file) { return .ext4 }
    return nil
  }

  /// Whether a file begins as a tar archive does, or a stream that may be one.
  static func mayBeArchive(_ file: borrowing FileDescriptor) -> Bool {
    has(Array("ustar".utf8), at: 257, in: file) || isCompressed(file)
  }

  static func isCompressed(_ file: borrowing FileDescriptor) -> Bool {
    let streams: [[UInt8]] = [
      [0x1f, 0x8b], [0x28, 0xb5, 0x2f, 0xfd], [0xfd] + Array("7zXZ".utf8), Array("BZh".utf8),
    ]
    return streams.contains { has($0, at: 0, in: file) }
  }
}

/// Archives that have an image in them, rather than files.
enum ImageArchive {
  /// Whether it is an OCI layout or what `docker save` writes: by what its first names are, of which at least one tells.
  static func hasImage(_ file: SharedFile, limits: ImageLimits) throws(ImageFault) -> Bool {
    let stream = try Archive(.stream(Unpacking(limits)), of: file.bytes(from: 0), name: "the archive")
    let archive = try Archive(.tar, of: stream, name: "the archive")
    for _ in 0..<limits.layers * 4 {
      guard let entry = try archive.next() else { return false }
      let parts = String(decoding: entry.path, as: UTF8.self).split(separator: "/").filter { $0 != "." }
      guard let first = parts.first else { continue }
      switch (first, parts.count) {
      case ("manifest.json", 1), ("index.json", 1), ("oci-layout", 1): return true
      case ("repositories", 1), ("blobs", _): continue
      // Layers and configurations by their digests.
      case (let name, _) where Documents.isDigest(name.prefix(64)): continue
      default: return false
      }
    }
    return false
  }

  /// The archive as it is, or unpacked to a file without a name where it is compressed.
  static func unpacked(
    _ file: SharedFile, spool: borrowing Workplace, limits: ImageLimits, progress: Progress
  ) throws(ImageFault) -> FileDescriptor {
    if !file.isCompressed { return try file.duplicate() }
    let target = try spool.createSpool()
    let stream = try Archive(.stream(Unpacking(limits)), of: file.bytes(from: 0), name: "the archive")
    var buffer = [UInt8](repeating: 0, count: 1 << 17)
    while true {
      var span = buffer.mutableSpan
      let count = try stream.read(into: &span)
      if count == 0 { return target }
      do throws(SystemError) { _ = try target.writeAll(Array(buffer[..<count])) } catch {
        throw .unwritable(error)
      }
      progress.advance(count)
    }
  }
}
