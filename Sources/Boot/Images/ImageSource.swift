public import GuestMemory

/// A file's contents, read a part at a time: parsing an image never needs all of it.
public protocol ImageSource {
  /// Length in bytes.
  var size: UInt64 { get }
  /// Exactly `count` bytes from `offset`. Callers have checked both against ``size``.
  /// - Throws: `unreadable` when the file cannot be read or has become shorter.
  func bytes(at offset: UInt64, count: Int) throws(ImageError) -> [UInt8]
}

/// A file that can be brought into guest memory without passing through a buffer.
public protocol LoadableImage: ImageSource {
  /// Fills the whole slice from `offset`.
  /// - Throws: `unreadable` when the file cannot be read or has become shorter.
  func read(into slice: GuestSlice, at offset: UInt64) throws(ImageError)
}

extension ImageSource {
  /// Exactly `count` bytes from `offset`, as a checked view.
  /// - Throws: `truncated`, naming `part`, where the file ends before that.
  func part(_ part: String, at offset: UInt64, count: Int) throws(ImageError) -> ByteView {
    let (end, overflow) = offset.addingReportingOverflow(UInt64(count))
    guard !overflow, end <= size else { throw .truncated(part: part, end: end, size: size) }
    let bytes = try bytes(at: offset, count: count)
    guard bytes.count == count else { throw .unreadable("the file became shorter while it was read") }
    return ByteView(bytes)
  }
}

/// An image that is already in memory.
public struct ImageBytes: ImageSource {
  private let contents: [UInt8]

  public init(_ contents: [UInt8]) { self.contents = contents }

  public var size: UInt64 { UInt64(contents.count) }

  public func bytes(at offset: UInt64, count: Int) throws(ImageError) -> [UInt8] {
    guard let start = Int(exactly: offset), count >= 0, start <= contents.count,
      count <= contents.count - start
    else { throw .unreadable("a read past its end") }
    return Array(contents[start..<(start + count)])
  }
}
