public import Boot
public import LinuxSystem

/// An open file as an image's source.
public final class FileSource: ImageSource {
  private let file: FileDescriptor
  public let size: UInt64

  public init(_ file: consuming FileDescriptor) throws(SystemError) {
    size = try file.status().size
    self.file = file
  }

  public func bytes(at offset: UInt64, count: Int) throws(ImageError) -> [UInt8] {
    do throws(SystemError) {
      return try file.bytes(count: count, at: offset)
    } catch {
      throw .unreadable(error.reason)
    }
  }
}
