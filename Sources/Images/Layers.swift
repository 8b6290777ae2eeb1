import Configuration
import LinuxSystem

/// Puts the entries of archives upon one another and their contents into an image.
struct LayeredFiles {
  private(set) var tree: ImageTree
  private let image: ErofsImage
  private let unpacking: Unpacking

  init(image: ErofsImage, limits: ImageLimits) {
    tree = ImageTree(limits: limits)
    unpacking = Unpacking(limits)
    self.image = image
  }

  /// What `stored` unpacks to, or `stored` where it is not compressed.
  func unpacked(_ stored: any ByteSource, name: String) throws(ImageFault) -> Archive {
    try Archive(.stream(unpacking), of: stored, name: name)
  }

  /// Adds what is in an archive, over what there is.
  /// - Parameter whiteouts: whether names that begin with ".wh." take files of the layers before away (image-spec,
  ///   layer.md), or are names like others.
  mutating func add(_ archive: Archive, whiteouts: Bool) throws(ImageFault) {
    try tree.beginLayer()
    while let entry = try archive.next() { try add(entry, of: archive, whiteouts: whiteouts) }
  }

  private mutating func add(
    _ entry: ArchiveEntry, of archive: Archive, whiteouts: Bool
  ) throws(ImageFault) {
    let path = entry.path
    if whiteouts, try takeAway(path) { return }
    _ = try tree.components(path)
    let attributes = attributes(of: entry)
    let kind: ImageNode.Kind
    switch entry.kind {
    case .hardLink: return try tree.link(entry.target, at: path)
    case .directory: kind = .directory
    case .symbolicLink: kind = .symbolicLink(try target(of: entry))
    case .characterDevice:
      let (major, minor) = try device(of: entry)
      kind = .characterDevice(major: major, minor: minor)
    case .blockDevice:
      let (major, minor) = try device(of: entry)
      kind = .blockDevice(major: major, minor: minor)
    case .pipe: kind = .pipe
    case .socket: kind = .socket
    case .file:
      let extent = try image.add(size: entry.size, attributes: attributes) { (write) throws(ImageFault) in
        while try archive.readBlock(write) {}
      }
      kind = .file(extent)
    }
    try tree.put(ImageNode(kind, attributes), at: path)
  }

  /// - Returns: whether the path is a whiteout, which is no file itself.
  private mutating func takeAway(_ path: [UInt8]) throws(ImageFault) -> Bool {
    let mark = Array(".wh.".utf8)
    // As components(_:) takes a path apart, which is asked for a whiteout's folder only.
    let parts = path.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
    guard let name = parts.last else { return false }
    let folder = Array(path[..<name.startIndex])
    if name.elementsEqual(".wh..wh..opq".utf8) {
      try tree.clear(folder)
      return true
    }
    // Two marks are of aufs' own files, which are of no use to anybody else.
    if parts.contains(where: { $0.starts(with: mark + mark) }) { return true }
    guard name.starts(with: mark) else { return false }
    let gone = name.dropFirst(mark.count)
    guard FileName(gone) != nil else {
      throw .bad("the whiteout \(quoted(path)) is in it, which names no file")
    }
    try tree.remove(folder + gone)
    return true
  }

  private func attributes(of entry: ArchiveEntry) -> FileAttributes {
    FileAttributes(
      mode: entry.mode, owner: entry.owner, group: entry.group, seconds: entry.seconds,
      nanoseconds: entry.nanoseconds < 1_000_000_000 ? entry.nanoseconds : 0, extended: entry.attributes)
  }

  private func target(of entry: ArchiveEntry) throws(ImageFault) -> [UInt8] {
    // PATH_MAX has the zero byte in it.
    guard (1..<4096).contains(entry.target.count) else {
      throw .bad("\(quoted(entry.path)) is a link to a path of \(entry.target.count) bytes")
    }
    return entry.target
  }

  /// The kernel keeps a device's numbers in 12 and 20 bits.
  private func device(of entry: ArchiveEntry) throws(ImageFault) -> (major: UInt32, minor: UInt32) {
    guard entry.deviceMajor < 1 << 12, entry.deviceMinor < 1 << 20 else {
      throw .bad(
        "\(quoted(entry.path)) is device \(entry.deviceMajor):\(entry.deviceMinor), which Linux has not")
    }
    return (UInt32(entry.deviceMajor), UInt32(entry.deviceMinor))
  }
}

/// One layer's bytes, and what they must be.
struct Layer {
  /// What messages call it.
  let name: String
  /// Of the bytes as they are stored; nil where that is not announced.
  let stored: Blob?
  /// SHA-256, in hexadecimal, of the archive that they unpack to.
  let contents: String
  let open: () throws(ImageFault) -> any ByteSource
}

/// Bytes by their digest (image-spec, descriptor.md).
struct Blob: Equatable {
  /// SHA-256, in hexadecimal.
  let digest: String
  let size: UInt64

  /// - Throws: where what was read is something else.
  func check(_ bytes: DigestedBytes, name: String) throws(ImageFault) {
    if bytes.count < size { throw .bad("\(name) is truncated: \(bytes.count) bytes of \(size)") }
    guard bytes.count == size, bytes.hexadecimal == digest else {
      throw .bad("\(name) does not have the digest sha256:\(digest)")
    }
  }
}

extension LayeredFiles {
  /// Adds a layer, unpacked and verified on the way.
  /// - Parameter progress: told the number of stored bytes that were read, each time.
  mutating func add(
    _ layer: Layer, progress: @escaping (Int) throws(ImageFault) -> Void
  ) throws(ImageFault) {
    let stored = DigestedBytes(try layer.open(), announced: layer.stored?.size, progress: progress)
    do throws(ImageFault) {
      let contents = DigestedBytes(try unpacked(stored, name: layer.name))
      try add(Archive(.tar, of: contents, name: layer.name), whiteouts: true)
      // What is behind the archive's end is part of both digests.
      try contents.drain()
      try stored.drain()
      try layer.stored?.check(stored, name: layer.name)
      guard contents.hexadecimal == layer.contents else {
        throw .bad("\(layer.name) does not unpack to the digest sha256:\(layer.contents)")
      }
    } catch {
      // That the bytes are not the announced ones says more than what is wrong with them.
      if error.status == .badInput, let blob = layer.stored, (try? stored.drain()) != nil {
        try blob.check(stored, name: layer.name)
      }
      throw error
    }
  }
}
