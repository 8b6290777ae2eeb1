import Configuration
import DeviceFakes
import Digests
import LinuxSystem

@testable import Images

extension FuzzTarget {
  /// How a person names an image: what is understood is written back as it was.
  static func imageReference(_ bytes: [UInt8]) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    let reference: ImageReference
    do throws(Diagnostic) { reference = try ImageReference(parsing: text) } catch {
      return try checkLine(error.description)
    }
    try check(reference.description == text, "\(text.debugDescription) is not what it was read as")
  }

  /// Layers upon one another: the first byte says how many the archives behind it are cut into. What comes of them is
  /// an EROFS image with just the files of the tree, or a line that says why not.
  static func imageLayers(_ bytes: [UInt8]) throws {
    guard let first = bytes.first else { return }
    let layers = cut(withChecksums(Array(bytes.dropFirst())), into: Int(first % 4) + 1)
    var limits = ImageLimits()
    limits.entries = 500
    limits.size = 1 << 30
    limits.written = 1 << 24
    limits.unpacked = 1 << 24
    limits.steps = 1 << 20
    let file = try FileDescriptor(memoryFile: "image")
    let image = ErofsImage(
      file: try file.duplicate(), spool: try FileDescriptor(memoryFile: "spool"), limits: limits)
    var files = LayeredFiles(image: image, limits: limits)
    do throws(ImageFault) {
      for layer in layers {
        let stream = try files.unpacked(MemoryBytes(layer), name: "layer")
        try files.add(Archive(.tar, of: stream, name: "layer"), whiteouts: first < 128)
      }
      try image.finish(files.tree.root, identifier: [UInt8](repeating: 1, count: 16))
    } catch { return try checkLine(error.diagnostic("image").description) }
    let contents = try Contents(of: layers)
    var reader = try ErofsReader(file, tree: files.tree.root) { try contents.compare($0, $1) }
    try reader.compare()
  }

  /// What the files of layers have in them, by the last of their names: which of several files of one name is left in the
  /// end, the tree decides.
  private struct Contents {
    private static let limit: UInt64 = 1 << 20
    private var known: [ArraySlice<UInt8>: Set<[UInt8]>] = [:]

    init(of layers: [[UInt8]]) throws {
      let unpacking = Unpacking(ImageLimits())
      for layer in layers {
        let archive = try Archive(
          .tar, of: Archive(.stream(unpacking), of: MemoryBytes(layer), name: "layer"), name: "layer")
        while let entry = try archive.next() {
          guard entry.kind == .file, entry.size <= Self.limit else { continue }
          let name = entry.path.split(separator: UInt8(ascii: "/")).last { !$0.elementsEqual(".".utf8) }
          let contents = try archive.contents(limit: Int(Self.limit), name: "a file")
          // A hole at the end is not read.
          let hole = [UInt8](repeating: 0, count: max(0, Int(entry.size) - contents.count))
          known[name ?? [], default: []].insert(contents + hole)
        }
      }
    }

    func compare(_ names: [ArraySlice<UInt8>], _ contents: [UInt8]) throws {
      guard contents.count <= Self.limit else { return }
      try check(names.contains { known[$0]?.contains(contents) ?? false }, "other contents")
    }
  }

  private static func cut(_ bytes: [UInt8], into count: Int) -> [[UInt8]] {
    let size = max(512, (bytes.count / count + 511) / 512 * 512)
    return stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
  }

  /// Headers that are changed have their checksum made right, for nothing is found behind a wrong one.
  private static func withChecksums(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for start in stride(from: 0, to: bytes.count - 511, by: 512)
    where bytes[(start + 257)..<(start + 262)].elementsEqual("ustar".utf8) {
      for index in 148..<156 { bytes[start + index] = 0x20 }
      let digits = String(bytes[start..<(start + 512)].reduce(0) { $0 + Int($1) }, radix: 8)
      let text = String(repeating: "0", count: 6 - digits.count) + digits + "\0"
      for (index, byte) in text.utf8.enumerated() { bytes[start + 148 + index] = byte }
    }
    return bytes
  }

  /// The documents of an image, one a line, where bytes 1 and 2 stand for digest and size of the
  /// next one: as a layout's index
  /// and what it leads to, and as manifest.json with a configuration.
  static func imageDocuments(_ bytes: [UInt8]) throws {
    let files = GivenDocuments(bytes)
    for isLayout in [true, false] {
      let image: LayeredImage
      do throws(ImageFault) {
        image =
          isLayout
          ? try LayeredImage(layout: files, tag: nil, limits: ImageLimits())
          : try LayeredImage(saved: files, name: nil, limits: ImageLimits())
      } catch {
        try checkLine(error.diagnostic("image").description)
        continue
      }
      try check(Documents.isDigest(image.digest), "\(image.digest) as a digest")
      try check(image.config.workingDirectory.hasPrefix("/"), "a working directory that is relative")
      try check(image.config.environment.allSatisfy { $0.contains("=") }, "a variable without a value")
      let texts =
        image.config.entrypoint + image.config.command + image.config.environment + [image.config.user]
      try check(!texts.contains { $0.utf8.contains(0) }, "a text with a zero byte")
      try check(image.layers.allSatisfy { Documents.isDigest($0.contents) }, "a layer without a digest")
    }
  }
}

private struct GivenDocuments: ImageFiles {
  private var documents: [String: [UInt8]] = [:]
  private var last: [UInt8] = []

  init(_ bytes: [UInt8]) {
    // From the last on, for each has the digest of the next in it.
    for (index, line) in bytes.split(separator: 0x0a).prefix(6).enumerated().reversed() {
      let digest = SHA256.hexadecimal(of: last)
      let text = line.flatMap { byte in
        switch byte {
        case 1: Array("sha256:\(digest)".utf8)
        case 2: Array("\(last.count)".utf8)
        default: [byte]
        }
      }
      documents["blobs/sha256/\(SHA256.hexadecimal(of: text))"] = text
      if index == 0 {
        documents["index.json"] = text
        documents["manifest.json"] = text
        documents["config"] = last
      }
      last = text
    }
  }

  func open(_ path: String) throws(ImageFault) -> any ByteSource {
    guard let bytes = documents[path] else { throw .bad("\(path) is missing") }
    return MemoryBytes(bytes)
  }

  func has(_ path: String) -> Bool { documents[path] != nil }
}
