import Glibc
import LinuxSystem

/// The files that an image comes in: a folder, or an archive of one.
protocol ImageFiles {
  /// - Parameter path: relative, without links in it.
  func open(_ path: String) throws(ImageFault) -> any ByteSource
  func has(_ path: String) -> Bool
}

extension ImageFiles {
  /// The whole of a short file.
  func document(_ path: String, limits: ImageLimits) throws(ImageFault) -> [UInt8] {
    try open(path).contents(limit: limits.document, name: path)
  }
}

/// A folder of the host. Links and other mounts in it are not followed, and only regular files are opened: what an image
/// names must neither be another file of the host nor a device, which may act when it is opened.
final class FolderFiles: ImageFiles {
  private let folder: FileDescriptor

  init(_ folder: consuming FileDescriptor) { self.folder = folder }

  func open(_ path: String) throws(ImageFault) -> any ByteSource {
    let file: FileDescriptor?
    do throws(SystemError) {
      file = try at(path) { (folder, name) throws(SystemError) in
        try folder.details(beneath: name).isRegular ? try folder.open(beneath: name, O_RDONLY) : nil
      }
    } catch {
      // A folder on the way is none of its own: a link, another file system's, or a file.
      if [ELOOP, EXDEV, ENOTDIR].contains(error.code) { throw .bad("\(path) is in no folder of its own") }
      throw .unreadable(path, error)
    }
    guard let file else { throw .bad("\(path) is no regular file") }
    return try FileBytes(file, name: path)
  }

  func has(_ path: String) -> Bool {
    (try? at(path) { (folder, name) throws(SystemError) in try folder.details(beneath: name) }) != nil
  }

  /// Calls `body` with the folder that has the last name of a path, and that name.
  private func at<Result: ~Copyable>(
    _ path: String, _ body: (borrowing FileDescriptor, FileName) throws(SystemError) -> Result
  ) throws(SystemError) -> Result {
    let names = path.split(separator: "/").compactMap { FileName($0.utf8) }
    guard let last = names.last else { throw SystemError(call: "openat2", operand: path, code: ENOENT) }
    var folder = try folder.duplicate()
    for name in names.dropLast() {
      folder = try folder.open(beneath: name, FileDescriptor.pathOnly | O_DIRECTORY)
    }
    return try body(folder, last)
  }
}

/// The members of an archive that is not compressed.
struct ArchiveFiles: ImageFiles {
  private enum Member {
    case file(position: UInt64)
    case link(String)
  }

  private let archive: SharedFile
  private var members: [String: Member] = [:]

  /// Makes a list of what is in the archive, without reading the contents.
  init(_ file: consuming FileDescriptor, limits: ImageLimits) throws(ImageFault) {
    archive = SharedFile(file)
    let reader = try Archive(.tar, of: archive.bytes(from: 0), name: "the archive")
    var size = 0
    while let entry = try reader.next() {
      guard entry.path.count <= limits.path, entry.target.count <= limits.path else {
        throw .tooMuch("\(quoted(entry.path)) has a path of more than \(limits.path) bytes")
      }
      // What is kept of each: its path, that of what it is a link to (with its folder), and about as much besides.
      size += 2 * entry.path.count + entry.target.count + 64
      guard size <= limits.members else { throw .tooMuch("it has too many files beside the image's") }
      let path = Self.normal(String(decoding: entry.path, as: UTF8.self))
      switch entry.kind {
      case .file: members[path] = .file(position: entry.position)
      case .hardLink: members[path] = .link(Self.normal(String(decoding: entry.target, as: UTF8.self)))
      case .symbolicLink:
        // docker save has links to layers that several images share.
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        members[path] = .link(Self.normal("\(folder)/\(String(decoding: entry.target, as: UTF8.self))"))
      default: break
      }
    }
  }

  /// Without "." and "..".
  private static func normal(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return parts.joined(separator: "/")
  }

  private func position(_ path: String) -> UInt64? {
    var path = path
    for _ in 0..<8 {
      switch members[path] {
      case .file(let position): return position
      case .link(let target): path = target
      case nil: return nil
      }
    }
    return nil
  }

  func has(_ path: String) -> Bool { position(Self.normal(path)) != nil }

  func open(_ path: String) throws(ImageFault) -> any ByteSource {
    guard let position = position(Self.normal(path)) else {
      throw .bad("\(Self.shown(path)) is missing")
    }
    let reader = try Archive(.tar, of: archive.bytes(from: position), name: Self.shown(path))
    guard try reader.next() != nil else { throw .bad("\(Self.shown(path)) is missing") }
    return reader
  }

  private static func shown(_ path: String) -> String { quoted(Array(path.utf8)) }
}

/// An open file of which several readers each have a place of their own.
final class SharedFile {
  private let file: FileDescriptor

  init(_ file: consuming FileDescriptor) { self.file = file }

  func bytes(from position: UInt64) throws(ImageFault) -> FileBytes {
    try FileBytes(duplicate(), from: position, name: "the archive")
  }

  var isCompressed: Bool { DiskImage.isCompressed(file) }

  func duplicate() throws(ImageFault) -> FileDescriptor {
    do throws(SystemError) { return try file.duplicate() } catch { throw .unreadable("the archive", error) }
  }
}
