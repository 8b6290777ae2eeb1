import CArchive
import Configuration
import Glibc

/// Reads an archive, or one compressed stream, by libarchive. All of this module's pointers are in this file: libarchive
/// is given bytes by a callback, and what it gives is copied before it is asked for more.
@safe final class Archive: ByteSource {
  enum Format {
    /// Tar in all its dialects; not compressed.
    case tar
    /// The contents of a stream: by gzip, zstd, xz, bzip2, or as it is.
    case stream(Unpacking)
  }

  /// Bytes in which the header of an entry must end, with all that libarchive keeps of it: long names, extended attributes
  /// and the list of where a sparse file has data.
  private static let headerLimit = 4 << 20

  private let archive: OpaquePointer
  private let feed: Feed
  private let name: String
  private var unpacking: Unpacking?
  private var hasEntry = false

  /// - Parameter name: what the bytes are called where something is wrong with them.
  init(_ format: Format, of source: any ByteSource, name: String) throws(ImageFault) {
    guard let archive = unsafe archive_read_new() else { throw Self.noMemory }
    unsafe self.archive = archive
    self.name = name
    feed = Feed(source)
    switch format {
    case .tar: unsafe archive_read_support_format_tar(archive)
    case .stream:
      unsafe archive_read_support_format_raw(archive)
      unsafe archive_read_support_filter_gzip(archive)
      unsafe archive_read_support_filter_zstd(archive)
      unsafe archive_read_support_filter_xz(archive)
      unsafe archive_read_support_filter_bzip2(archive)
    }
    unsafe archive_read_support_format_empty(archive)
    unsafe archive_read_set_read_callback(archive) { _, feed, place in
      guard let feed = unsafe feed, let place = unsafe place else { return -1 }
      return unsafe Unmanaged<Feed>.fromOpaque(feed).takeUnretainedValue().next(place)
    }
    unsafe archive_read_set_skip_callback(archive) { _, feed, count in
      guard let feed = unsafe feed else { return -1 }
      return unsafe Unmanaged<Feed>.fromOpaque(feed).takeUnretainedValue().skip(count)
    }
    unsafe archive_read_set_callback_data(archive, Unmanaged.passUnretained(feed).toOpaque())
    let result = unsafe archive_read_open1(archive)
    guard result == ARCHIVE_OK else { throw fault() }
    guard case .stream(let unpacking) = format else { return }
    self.unpacking = unpacking
    // libarchive unpacks what is packed up to 25 times; the source of the bytes counts as one.
    guard unsafe archive_filter_count(archive) <= 2 else {
      throw .bad("\(name) is compressed more than once")
    }
    // The one entry of a stream; none where it is empty.
    _ = try unsafe advance()
  }

  deinit { unsafe archive_read_free(archive) }

  /// The next entry; nil at the end.
  func next() throws(ImageFault) -> ArchiveEntry? {
    guard let entry = try unsafe advance() else { return nil }
    return try unsafe ArchiveEntry(entry, position: archive_read_header_position(archive))
  }

  private func advance() throws(ImageFault) -> OpaquePointer? {
    // What is left of the entry before is not the next one's header.
    if hasEntry, unsafe archive_read_data_skip(archive) != ARCHIVE_OK { throw fault() }
    feed.allowance = Self.headerLimit
    defer { feed.allowance = nil }
    hasEntry = false
    var entry: OpaquePointer?
    switch unsafe archive_read_next_header(archive, &entry) {
    case ARCHIVE_OK: break
    case ARCHIVE_WARN where isOfCharacters: break
    case ARCHIVE_EOF: return nil
    default: throw fault()
    }
    hasEntry = true
    return unsafe entry
  }

  /// Whether the last warning is of a text that is in no character set: its bytes are there as they were. What other warnings
  /// are of is not all there.
  private var isOfCharacters: Bool {
    unsafe archive_error_string(archive).map {
      unsafe String(cString: $0).contains("can't be converted from")
    } ?? false
  }

  /// Hands the entry's next bytes to `body`, with their place in it. Between the places are holes.
  /// - Returns: false behind the last.
  func readBlock(
    _ body: (UInt64, Span<UInt8>) throws(ImageFault) -> Void
  ) throws(ImageFault) -> Bool {
    var start: UnsafeRawPointer?
    var (count, offset) = (0, Int64(0))
    switch unsafe archive_read_data_block(archive, &start, &count, &offset) {
    case ARCHIVE_OK: break
    case ARCHIVE_EOF: return false
    default: throw fault()
    }
    guard let place = UInt64(exactly: offset) else { throw .bad("\(name) is corrupt") }
    let bytes = unsafe UnsafeRawBufferPointer(start: start, count: count)
    try unsafe body(place, bytes.bindMemory(to: UInt8.self).span)
    return true
  }

  /// The entry's bytes, holes as zeros.
  func read(into buffer: inout MutableSpan<UInt8>) throws(ImageFault) -> Int {
    let count = unsafe buffer.withUnsafeMutableBytes {
      unsafe archive_read_data(archive, $0.baseAddress, $0.count)
    }
    guard count >= 0 else { throw fault() }
    try unpacking?.count(count)
    return count
  }

  /// What the source of bytes had to say, or libarchive.
  private func fault() -> ImageFault {
    if let failure = feed.failure { return failure }
    if unsafe archive_errno(archive) == ENOMEM { return Self.noMemory }
    let text = unsafe archive_error_string(archive).map { unsafe String(cString: $0) } ?? ""
    if text == "Unrecognized archive format" { return .bad("\(name) is no tar archive") }
    return text.lowercased().contains("truncated")
      ? .bad("\(name) is truncated") : .bad("\(name) is corrupt" + (text.isEmpty ? "" : " (\(text))"))
  }

  private static let noMemory = ImageFault(
    .hostResource, "no memory to read the image", mend: "end programs that need much")

  /// Where libarchive gets its bytes from.
  @safe private final class Feed {
    private let source: any ByteSource
    private let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 17)
    /// How many bytes more may be read, about; nil for any number.
    var allowance: Int?
    private(set) var failure: ImageFault?

    init(_ source: any ByteSource) {
      self.source = source
      unsafe buffer.initialize(repeating: 0)
    }

    deinit { unsafe buffer.deallocate() }

    func next(_ place: UnsafeMutablePointer<UnsafeRawPointer?>) -> Int {
      unsafe place.pointee = UnsafeRawPointer(buffer.baseAddress)
      do throws(ImageFault) {
        var span = unsafe buffer.mutableSpan
        let count = try source.read(into: &span)
        if let allowance { self.allowance = allowance - count }
        if let allowance, allowance <= 0 {
          throw .tooMuch("a file in it has a header of more than \(Archive.headerLimit >> 20) MiB")
        }
        return count
      } catch {
        failure = error
        return -1
      }
    }

    func skip(_ count: Int64) -> Int64 {
      do throws(ImageFault) { return try source.skip(count) } catch {
        failure = error
        return -1
      }
    }
  }
}

/// Counts what is unpacked for one image, whether anything comes of it or not.
final class Unpacking {
  private let limit: UInt64
  private var done: UInt64 = 0

  init(_ limits: ImageLimits) { limit = limits.unpacked }

  func count(_ count: Int) throws(ImageFault) {
    done += UInt64(count)
    guard done <= limit else { throw .tooMuch("it unpacks to more than \(limit >> 30) GiB") }
  }
}

/// What the header of an archive's entry says.
struct ArchiveEntry {
  enum Kind { case file, directory, symbolicLink, characterDevice, blockDevice, pipe, socket, hardLink }

  var path: [UInt8]
  var kind: Kind
  /// Permissions, set-user-id, set-group-id and sticky bits.
  var mode: UInt16
  var owner: UInt32
  var group: UInt32
  var seconds: Int64
  var nanoseconds: UInt32
  /// Bytes, holes among them.
  var size: UInt64
  /// Of a symbolic link, or the path of the entry that a hard link is another name of.
  var target: [UInt8]
  var deviceMajor: UInt64
  var deviceMinor: UInt64
  var attributes: [ExtendedAttribute]
  /// Where the entry's header begins, in bytes from where the archive does.
  var position: UInt64

  fileprivate init(_ entry: OpaquePointer, position: Int64) throws(ImageFault) {
    path = unsafe Self.bytes(archive_entry_pathname(entry))
    let isHardLink = unsafe archive_entry_hardlink(entry) != nil
    kind = unsafe isHardLink ? .hardLink : try Self.kind(archive_entry_filetype(entry), path)
    target = unsafe Self.bytes(isHardLink ? archive_entry_hardlink(entry) : archive_entry_symlink(entry))
    mode = unsafe UInt16(truncatingIfNeeded: archive_entry_perm(entry)) & 0o7777
    guard let owner = unsafe UInt32(exactly: archive_entry_uid(entry)),
      let group = unsafe UInt32(exactly: archive_entry_gid(entry)),
      let size = unsafe UInt64(exactly: archive_entry_size(entry))
    else { throw .bad("\(quoted(path)) has an owner or a size that no file has") }
    self.owner = owner
    self.group = group
    self.size = size
    seconds = unsafe Int64(archive_entry_mtime(entry))
    nanoseconds = unsafe UInt32(clamping: archive_entry_mtime_nsec(entry))
    deviceMajor = unsafe UInt64(archive_entry_rdevmajor(entry))
    deviceMinor = unsafe UInt64(archive_entry_rdevminor(entry))
    attributes = unsafe Self.attributes(entry)
    self.position = UInt64(clamping: position)
  }

  private static func kind(_ type: mode_t, _ path: [UInt8]) throws(ImageFault) -> Kind {
    switch type {
    case S_IFREG: .file
    case S_IFDIR: .directory
    case S_IFLNK: .symbolicLink
    case S_IFCHR: .characterDevice
    case S_IFBLK: .blockDevice
    case S_IFIFO: .pipe
    case S_IFSOCK: .socket
    default: throw .bad("\(quoted(path)) is of a kind that no file is of")
    }
  }

  private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
    guard let text = unsafe text else { return [] }
    return unsafe Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
  }

  /// One of each name: bsdtar writes them twice, in two forms.
  private static func attributes(_ entry: OpaquePointer) -> [ExtendedAttribute] {
    var attributes: [ExtendedAttribute] = []
    var names = Set<[UInt8]>()
    unsafe archive_entry_xattr_reset(entry)
    var name: UnsafePointer<CChar>?
    var value: UnsafeRawPointer?
    var count = 0
    while unsafe archive_entry_xattr_next(entry, &name, &value, &count) == ARCHIVE_OK {
      let name = unsafe bytes(name)
      guard names.insert(name).inserted else { continue }
      let value = unsafe Array(UnsafeRawBufferPointer(start: value, count: count))
      attributes.append(ExtendedAttribute(name: name, value: value))
    }
    return attributes
  }
}

/// xattr(7).
struct ExtendedAttribute: Hashable {
  /// With its class, as in "security.capability".
  let name: [UInt8]
  let value: [UInt8]
}

/// A path of an archive as a message shows it.
func quoted(_ path: some Collection<UInt8>) -> String {
  let text = String(decoding: path.prefix(200), as: UTF8.self)
  return path.count > 200 ? "\(text)…" : text
}
