import Configuration
import Digests
import Glibc
import LinuxSystem

/// A directory of the host as an image.
///
/// What lies on another file system than the directory itself (/proc that is mounted in it, say) is an empty directory, or an
/// empty file.
/// To whoever is not root his own files are root's in the image, as they are in a container without root.
struct DirectoryImage: ~Copyable {
  private let root: FileDescriptor
  private let omitted: FileDetails.Identity
  private let limits: ImageLimits
  private let user = geteuid()
  private let group = getegid()

  /// - Parameter omitted: a directory that is left out where it is in this one.
  init(_ root: consuming FileDescriptor, without omitted: FileDetails.Identity, limits: ImageLimits) {
    self.root = root
    self.omitted = omitted
    self.limits = limits
  }

  /// A digest, in hexadecimal, of what is in the directory as far as stat(2) tells: another one when a file has changed.
  func digest() throws(ImageFault) -> String {
    var survey = Survey(user, group)
    survey.add([], try Self.details(root))
    try visit(root, [], depth: 0) { (path, details, _, _) in survey.add(path, details) }
    return survey.digest
  }

  /// Adds all of it to an image.
  /// - Parameter progress: told the number of bytes that were read, each time.
  /// - Returns: the root, and the ``digest()`` of what was met.
  func build(
    into image: ErofsImage, progress: (Int) throws(ImageFault) -> Void
  ) throws(ImageFault) -> (root: ImageNode, digest: String) {
    var survey = Survey(user, group)
    var tree = ImageTree(limits: limits)
    try tree.beginLayer()
    let details = try Self.details(root)
    survey.add([], details)
    let extended: [(name: [UInt8], value: [UInt8])]
    do throws(SystemError) { extended = try root.extendedAttributes() } catch {
      throw .unreadable("it", error)
    }
    try tree.put(ImageNode(.directory, attributes(details, extended)), at: [])
    var known: [FileDetails.Identity: ImageNode] = [:]
    try visit(root, [], depth: 0) { (path, details, folder, name) throws(ImageFault) in
      survey.add(path, details)
      if details.links > 1, let first = known[details.identity] { return try tree.put(first, at: path) }
      let place = Place(path: path, name: name, details: details)
      let (attributes, file) = try open(place, in: folder)
      let kind: ImageNode.Kind =
        if details.isDirectory {
          .directory
        } else if details.isRegular {
          .file(try place.add(file, to: image, attributes, progress))
        } else {
          try special(place, in: folder)
        }
      let node = ImageNode(kind, attributes)
      if details.links > 1, !details.isDirectory { known[details.identity] = node }
      try tree.put(node, at: path)
    }
    return (tree.root, survey.digest)
  }

  private static func details(_ root: borrowing FileDescriptor) throws(ImageFault) -> FileDetails {
    do throws(SystemError) { return try root.details() } catch { throw .unreadable("it", error) }
  }

  /// Calls `body` with each entry's path, details, directory and name; a directory before what is in it.
  private func visit(
    _ folder: borrowing FileDescriptor, _ path: [UInt8], depth: Int,
    _ body: ([UInt8], FileDetails, borrowing FileDescriptor, FileName) throws(ImageFault) -> Void
  ) throws(ImageFault) {
    guard depth <= limits.depth else {
      throw .tooMuch("it has more than \(limits.depth) directories in one another")
    }
    let names: [FileName]
    do throws(SystemError) { names = try folder.names() } catch { throw .unreadable(shown(path), error) }
    for name in names {
      let entry = path.isEmpty ? Array(name.bytes) : path + [UInt8(ascii: "/")] + name.bytes
      let details: FileDetails
      do throws(SystemError) { details = try folder.details(beneath: name) } catch {
        throw .unreadable(shown(entry), error)
      }
      if details.identity == omitted { continue }
      try body(entry, details, folder, name)
      guard details.isDirectory else { continue }
      let inner: FileDescriptor
      do throws(SystemError) { inner = try folder.open(beneath: name, O_RDONLY | O_DIRECTORY) } catch {
        if error.code == EXDEV { continue }
        throw .unreadable(shown(entry), error)
      }
      try visit(inner, entry, depth: depth + 1, body)
    }
  }

  /// What is known of a file, and the file itself where it has contents that are the directory's.
  private func open(
    _ place: Place, in folder: borrowing FileDescriptor
  ) throws(ImageFault) -> (FileAttributes, OpenFile?) {
    guard place.details.isRegular || place.details.isDirectory else {
      return (attributes(place.details, []), nil)
    }
    do throws(SystemError) {
      let flags = place.details.isDirectory ? O_RDONLY | O_DIRECTORY : O_RDONLY
      let file = try folder.open(beneath: place.name, flags)
      let extended = try file.extendedAttributes()
      return (attributes(place.details, extended), OpenFile(file))
    } catch {
      if error.code == EXDEV { return (attributes(place.details, []), nil) }
      throw .unreadable(shown(place.path), error)
    }
  }

  /// What is neither a file nor a directory.
  private func special(
    _ place: Place, in folder: borrowing FileDescriptor
  ) throws(ImageFault) -> ImageNode.Kind {
    let (major, minor) = (place.details.deviceMajor, place.details.deviceMinor)
    switch UInt16(place.details.mode & 0o170000) {
    case 0o120000:
      do throws(SystemError) {
        let link = try folder.open(beneath: place.name, FileDescriptor.pathOnly)
        return .symbolicLink(try link.linkTarget())
      } catch { throw .unreadable(shown(place.path), error) }
    case 0o020000: return .characterDevice(major: major, minor: minor)
    case 0o060000: return .blockDevice(major: major, minor: minor)
    case 0o010000: return .pipe
    default: return .socket
    }
  }

  private func attributes(
    _ details: FileDetails, _ extended: [(name: [UInt8], value: [UInt8])]
  ) -> FileAttributes {
    FileAttributes(
      mode: UInt16(details.mode & 0o7777), owner: details.owner == user ? 0 : details.owner,
      group: details.group == group ? 0 : details.group, seconds: details.modified.seconds,
      nanoseconds: details.modified.nanoseconds,
      extended: extended.filter { Self.belongs($0.name) }
        .map { ExtendedAttribute(name: $0.name, value: $0.value) })
  }

  /// Labels of the host's security modules and marks of its overlays are not the directory's.
  private static func belongs(_ name: [UInt8]) -> Bool {
    name.starts(with: "user.".utf8) || name.elementsEqual("security.capability".utf8)
      || name.starts(with: "system.posix_acl_".utf8)
  }
}

private func shown(_ path: [UInt8]) -> String { path.isEmpty ? "it" : "its \(quoted(path))" }

/// So that it can be part of a pair.
private final class OpenFile {
  let file: FileDescriptor
  init(_ file: consuming FileDescriptor) { self.file = file }
}

/// An entry of the directory.
private struct Place {
  let path: [UInt8]
  let name: FileName
  let details: FileDetails

  /// Adds the file's contents to an image, without the holes in it; none where it is not opened.
  func add(
    _ opened: OpenFile?, to image: ErofsImage, _ attributes: FileAttributes,
    _ progress: (Int) throws(ImageFault) -> Void
  ) throws(ImageFault) -> FileExtent {
    guard let opened else {
      return try image.add(size: 0, attributes: attributes) { _ throws(ImageFault) in }
    }
    return try image.add(size: details.size, attributes: attributes) { (write) throws(ImageFault) in
      var buffer = [UInt8](repeating: 0, count: Int(min(max(details.size, 1), 1 << 20)))
      var offset: UInt64 = 0
      while offset < details.size {
        let end = try nextData(opened.file, &offset)
        while offset < end {
          let read: Int
          do throws(SystemError) { read = try opened.file.read(into: &buffer, at: offset) } catch {
            throw .unreadable(shown(path), error)
          }
          guard read > 0 else { throw changed }
          let count = Int(min(UInt64(read), end - offset))
          try write(offset, buffer.span.extracting(first: count))
          offset += UInt64(count)
          try progress(count)
        }
      }
    }
  }

  /// Moves `offset` over a hole.
  /// - Returns: where the data that is there then ends.
  private func nextData(
    _ file: borrowing FileDescriptor, _ offset: inout UInt64
  ) throws(ImageFault) -> UInt64 {
    guard details.blocks < (details.size + 511) / 512 else { return details.size }
    do throws(SystemError) {
      offset = UInt64(clamping: try file.next(hole: false, from: Int64(clamping: offset)))
      return min(UInt64(clamping: try file.next(hole: true, from: Int64(clamping: offset))), details.size)
    } catch {
      // ENXIO: no data behind this; EINVAL: the file system knows of no holes.
      if error.code == ENXIO { offset = details.size }
      if error.code == ENXIO || error.code == EINVAL { return details.size }
      throw .unreadable(shown(path), error)
    }
  }

  private var changed: ImageFault {
    ImageFault(
      .noInput, "\(shown(path)) changed while it was read", mend: "try again when nobody writes to it")
  }
}

/// Takes a digest of files' names and details.
private struct Survey {
  private var sum = SHA256()

  init(_ user: UInt32, _ group: UInt32) {
    // With a number that changes when what is made of a directory does.
    add([1, UInt64(user), UInt64(group)])
  }

  mutating func add(_ path: [UInt8], _ details: FileDetails) {
    add([UInt64(path.count)])
    sum.update(path)
    add([
      details.identity.device, details.identity.number, UInt64(details.mode), UInt64(details.owner),
      UInt64(details.group), details.isDirectory ? 0 : details.size,
      UInt64(details.deviceMajor) << 32 | UInt64(details.deviceMinor),
      UInt64(bitPattern: details.modified.seconds), UInt64(details.modified.nanoseconds),
      UInt64(bitPattern: details.changed.seconds), UInt64(details.changed.nanoseconds),
    ])
  }

  private mutating func add(_ numbers: [UInt64]) {
    var bytes = ByteWriter()
    for number in numbers { bytes.add(number) }
    sum.update(bytes.bytes)
  }

  var digest: String { sum.hexadecimal() }
}
