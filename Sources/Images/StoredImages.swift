public import Configuration
import Digests
import FoundationEssentials
import Glibc
import LinuxSystem

/// An image that a store has.
public struct StoredImage: Sendable, Equatable, Encodable {
  /// "sha256:" and 64 hexadecimal digits.
  public let digest: String
  /// Bytes that it takes of the disk.
  public let size: UInt64
  /// Seconds since 1970, UTC.
  public let created: Int64
  public let lastUsed: Int64
  /// What it was made from, as a person named it.
  public let source: String
  public let config: ImageConfig
}

/// What is kept beside an image's file.
struct ImageRecord: Codable {
  /// Where the contents come from: a path whose contents may change, or layers that are known by their digests.
  enum Kind: String, Codable { case path, layers }
  var source: String
  var kind: Kind
  var created: Int64
  var config: ImageConfig
}

extension ImageStore {
  static let imageName = "root.erofs"
  static let recordName = "image.json"

  func place(_ digest: String) -> String { "\(folder)/\(digest)" }

  /// The image of a digest (in hexadecimal), locked; nil where there is none, or a damaged one.
  func find(_ digest: String) -> RunnableImage? {
    while true {
      let path = "\(place(digest))/\(Self.imageName)"
      guard let record = record(digest), let file = try? FileDescriptor(opening: path, O_RDONLY) else {
        return nil
      }
      // Whoever removes it has it locked; then it is not there any more.
      guard (try? file.waitForLock(exclusively: false)) != nil else { return nil }
      guard Workplace.isStill(file, at: path) else { continue }
      guard DiskImage.format(of: file) == .erofs else { return nil }
      touch(digest)
      return RunnableImage(
        path: path, format: .erofs, config: record.config, digest: "sha256:\(digest)",
        lease: ImageLease(file))
    }
  }

  func record(_ digest: String) -> ImageRecord? {
    guard let file = try? FileDescriptor(opening: "\(place(digest))/\(Self.recordName)", O_RDONLY),
      let bytes = try? file.contents(limit: 4 << 20)
    else { return nil }
    return try? JSONDecoder().decode(ImageRecord.self, from: Data(bytes))
  }

  /// The time of the record's last change is when the image was last used.
  private func touch(_ digest: String) {
    guard let file = try? FileDescriptor(opening: "\(place(digest))/\(Self.recordName)", O_RDONLY) else {
      return
    }
    try? file.setTimes(accessed: .unchanged, modified: .now)
  }

  // MARK: What a person does with them

  /// All images, the one that was used last first.
  public func list() throws(Diagnostic) -> [StoredImage] {
    try digests().compactMap { digest in
      guard let record = record(digest),
        let image = try? FileDescriptor(opening: "\(place(digest))/\(Self.imageName)", O_RDONLY).details(),
        let used = try? FileDescriptor(opening: "\(place(digest))/\(Self.recordName)", O_RDONLY).details()
      else { return nil }
      return StoredImage(
        digest: "sha256:\(digest)", size: image.blocks * 512, created: record.created,
        lastUsed: used.modified.seconds, source: record.source, config: record.config)
    }.sorted { ($1.lastUsed, $0.digest) < ($0.lastUsed, $1.digest) }
  }

  private func digests() throws(Diagnostic) -> [String] {
    do throws(SystemError) {
      return try FileDescriptor.names(in: folder).map { "\($0)" }.filter { Documents.isDigest($0) }
    } catch {
      if error.code == ENOENT { return [] }
      throw Diagnostic(.noInput, "cannot read the images", which: folder, mend: error.reason)
    }
  }

  /// The one image whose digest begins with `text`, with or without "sha256:".
  public func digest(beginning text: String) throws(Diagnostic) -> String {
    let digits = text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text
    let found = try digests().filter { $0.hasPrefix(digits) }
    guard !digits.isEmpty, let digest = found.first else { throw Self.missing(text) }
    guard found.count == 1 else {
      throw Diagnostic(.noInput, "several images begin so", which: text, mend: "give more of the digest")
    }
    return "sha256:\(digest)"
  }

  /// The image of a whole digest.
  /// - Throws: ``ExitStatus/noInput`` where it is not there.
  func image(digest: String) throws(Diagnostic) -> RunnableImage {
    guard let image = find(String(digest.dropFirst(7))) else { throw Self.missing(digest) }
    return image
  }

  private static func missing(_ digest: String) -> Diagnostic {
    Diagnostic(.noInput, "no such image", which: digest, mend: "swiftlet images lists what there is")
  }

  /// Removes an image.
  /// - Parameter digest: as in ``StoredImage/digest``.
  /// - Throws: ``ExitStatus/noInput`` where it is not there, or in use.
  public func remove(_ digest: String) throws(Diagnostic) {
    let name = String(digest.dropFirst(7))
    do throws(SystemError) {
      let path = "\(place(name))/\(Self.imageName)"
      let file = try FileDescriptor(opening: path, O_RDWR)
      try file.lock(exclusively: true)
      // Somebody may have made it anew meanwhile.
      guard Workplace.isStill(file, at: path) else { throw SystemError(call: "fcntl", code: EAGAIN) }
      try Workplace.discard(name, in: folder)
    } catch {
      switch error.code {
      case EAGAIN:
        throw Diagnostic(.noInput, "image in use", which: digest, mend: "stop the machine that runs it")
      case ENOENT: throw Self.missing(digest)
      default: throw Diagnostic(.noInput, "cannot remove the image", which: digest, mend: error.reason)
      }
    }
  }

  /// Removes what was not used for a time and is not in use, and what interrupted processes left.
  /// - Parameter seconds: 0 for all that is not in use.
  /// - Returns: what was removed.
  public func prune(unusedFor seconds: Int64) throws(Diagnostic) -> [StoredImage] {
    Workplace.removeAbandoned(in: folder)
    let now = Int64(Date().timeIntervalSince1970)
    let removed = try list().filter { image in
      now - image.lastUsed >= seconds && (try? remove(image.digest)) != nil
    }
    removeDeadNames()
    return removed
  }

  // MARK: Names

  /// Names lead from where an image comes from to its digest, so that what takes long to look at is looked at once.
  struct Name {
    let key: String
    /// Of what has the name; the digest is of no use when another one has it.
    let identity: String
  }

  private var names: String { "\(folder)/names" }

  /// The digest that a name led to, and whether it still leads there.
  func digest(of name: Name) -> (digest: String, isCurrent: Bool)? {
    guard
      let file = try? FileDescriptor(
        opening: "\(names)/\(SHA256.hexadecimal(of: Array(name.key.utf8)))", O_RDONLY),
      let bytes = try? file.contents(limit: 4096)
    else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 3, Documents.isDigest(lines[0]) else { return nil }
    return (String(lines[0]), lines[1] == name.identity)
  }

  /// Where that is not possible, the work is done again the next time.
  func set(_ name: Name, to digest: String) {
    let path = "\(names)/\(SHA256.hexadecimal(of: Array(name.key.utf8)))"
    guard (try? FileDescriptor.makeFolders(names)) != nil,
      let file = try? FileDescriptor(
        opening: "\(path).\(getpid())", O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644),
      (try? file.writeAll(Array("\(digest)\n\(name.identity)\n".utf8))) != nil
    else { return }
    try? FileDescriptor.rename("\(path).\(getpid())", to: path)
  }

  private func removeDeadNames() {
    for name in (try? FileDescriptor.names(in: names)) ?? [] {
      let path = "\(names)/\(name)"
      guard let file = try? FileDescriptor(opening: path, O_RDONLY),
        let bytes = try? file.contents(limit: 4096)
      else { continue }
      let digest = String(decoding: bytes.prefix(64), as: UTF8.self)
      if !FileDescriptor.exists("\(place(digest))/\(Self.imageName)") { try? FileDescriptor.remove(path) }
    }
  }
}
