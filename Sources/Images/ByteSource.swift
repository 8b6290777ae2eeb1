import Digests
import LinuxSystem

/// Bytes from the first to the last, once.
protocol ByteSource: AnyObject {
  /// Reads at most the buffer's length; 0 at the end.
  func read(into buffer: inout MutableSpan<UInt8>) throws(ImageFault) -> Int

  /// Passes over at most `count` bytes without reading them, where that is possible.
  /// - Returns: how many.
  func skip(_ count: Int64) throws(ImageFault) -> Int64
}

extension ByteSource {
  func skip(_ count: Int64) throws(ImageFault) -> Int64 { 0 }

  /// All bytes, where they are at most `limit`.
  func contents(limit: Int, name: String) throws(ImageFault) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      var span = buffer.mutableSpan
      let count = try read(into: &span)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
      guard bytes.count <= limit else { throw .tooMuch("\(name) is longer than \(limit) bytes") }
    }
  }

  /// Reads what is left.
  func drain() throws(ImageFault) {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      var span = buffer.mutableSpan
      if try read(into: &span) == 0 { return }
    }
  }
}

/// A file from some place on.
final class FileBytes: ByteSource {
  private let file: FileDescriptor
  private let name: String
  private var position: UInt64
  private let end: UInt64

  init(
    _ file: consuming FileDescriptor, from position: UInt64 = 0, name: String
  ) throws(ImageFault) {
    do throws(SystemError) { end = try file.status().size } catch { throw .unreadable(name, error) }
    self.file = file
    self.name = name
    self.position = position
  }

  var size: UInt64 { end }

  func read(into buffer: inout MutableSpan<UInt8>) throws(ImageFault) -> Int {
    do throws(SystemError) {
      let count = try file.read(into: &buffer, at: position)
      position += UInt64(count)
      return count
    } catch { throw .unreadable(name, error) }
  }

  func skip(_ count: Int64) -> Int64 {
    // Never behind the end, where truncation would not be noticed.
    let rest = end > position ? end - position : 0
    let skipped = min(UInt64(max(count, 0)), rest)
    position += skipped
    return Int64(skipped)
  }
}

/// Bytes that lie in memory.
final class MemoryBytes: ByteSource {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func read(into buffer: inout MutableSpan<UInt8>) -> Int {
    let count = min(buffer.count, bytes.count - position)
    for index in 0..<count { buffer[index] = bytes[position + index] }
    position += count
    return count
  }
}

/// Passes bytes on and takes their number and digest.
final class DigestedBytes: ByteSource {
  private let source: any ByteSource
  private let announced: UInt64?
  private let progress: (Int) throws(ImageFault) -> Void
  private var digest = SHA256()
  private(set) var count: UInt64 = 0

  /// - Parameters:
  ///   - announced: how many bytes there should be; where there are more, few of those are read.
  ///   - progress: told how many bytes have passed, each time.
  init(
    _ source: any ByteSource, announced: UInt64? = nil,
    progress: @escaping (Int) throws(ImageFault) -> Void = { _ in }
  ) {
    self.source = source
    self.announced = announced
    self.progress = progress
  }

  func read(into buffer: inout MutableSpan<UInt8>) throws(ImageFault) -> Int {
    if let announced, count > announced { return 0 }
    let read = try source.read(into: &buffer)
    digest.update(buffer.span.extracting(first: read))
    count += UInt64(read)
    try progress(read)
    return read
  }

  /// The digest of what was read, in hexadecimal.
  var hexadecimal: String { digest.hexadecimal() }
}
