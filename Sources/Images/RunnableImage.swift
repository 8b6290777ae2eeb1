import LinuxSystem

/// An image as a machine can have it: one file system in one file, and what the image says of running it.
public struct RunnableImage: Sendable {
  /// The file, for a disk that the guest only reads.
  public let path: String
  public let format: FileSystemFormat
  public let config: ImageConfig
  /// What ``ImageStore`` calls it, "sha256:" and 64 hexadecimal digits: for an OCI or Docker image the identifier that
  /// Docker shows. Nil for a disk image, which is used where it is.
  public let digest: String?
  /// Keeps the file from being removed by ``ImageStore``, as long as a copy of this value lives, here or in a process that
  /// was split off with ``ImageLease/descriptor`` open.
  public let lease: ImageLease?

  public init(
    path: String, format: FileSystemFormat, config: ImageConfig, digest: String?, lease: ImageLease?
  ) {
    self.path = path
    self.format = format
    self.config = config
    self.digest = digest
    self.lease = lease
  }
}

/// What the guest's kernel mounts: its name for `rootfstype=`.
public enum FileSystemFormat: String, Sendable, Codable { case erofs, ext4 }

/// A lock on an image's file, shared with everybody else who uses the image.
public final class ImageLease: Sendable {
  private let file: FileDescriptor

  init(_ file: consuming FileDescriptor) { self.file = file }

  /// What has the lock.
  public var descriptor: Int32 { file.raw }
}
