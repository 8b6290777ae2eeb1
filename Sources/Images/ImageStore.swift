public import Configuration
import Glibc
import LinuxSystem

/// Makes images runnable, and keeps what it made.
public struct ImageStore: Sendable {
  /// When a registry is asked for an image.
  public enum Pull: String, Sendable, CaseIterable { case missing, always, never }

  /// The folder of the store; it is made when something is kept.
  public let folder: String

  public init(folder: String) { self.folder = folder }

  /// The store of the person who runs this: `${XDG_CACHE_HOME:-~/.cache}/swiftlet/images`.
  public static func ofUser(environment: (String) -> String?) throws(Diagnostic) -> ImageStore {
    if let base = environment("XDG_CACHE_HOME"), base.hasPrefix("/") {
      return ImageStore(folder: "\(base)/swiftlet/images")
    }
    guard let home = environment("HOME"), home.hasPrefix("/") else {
      throw Diagnostic(
        .noInput, "no folder for images", which: "neither XDG_CACHE_HOME nor HOME names one",
        mend: "set one of them")
    }
    return ImageStore(folder: "\(home)/.cache/swiftlet/images")
  }

  /// The image that `reference` names: found, or made and kept.
  /// - Throws: ``ExitStatus/noInput`` for what is not there, ``ExitStatus/badInput`` for what is no image or not the one
  ///   that was announced, ``ExitStatus/hostResource`` where there is no room for it.
  public func resolve(
    _ reference: ImageReference, pull: Pull = .missing, progress: Progress = .silent
  ) throws(Diagnostic) -> RunnableImage {
    switch reference {
    case .path(let path):
      let file = try DiskImage.open(path)
      guard let format = try DiskImage.format(of: file, path: path) else { throw Self.noImage(path) }
      return RunnableImage(path: path, format: format, config: ImageConfig(), digest: nil, lease: nil)
    case .layout, .layoutArchive, .dockerArchive, .registry:
      throw Self.noImage("\(reference)")
    }
  }

  static func noImage(_ name: String) -> Diagnostic {
    Diagnostic(
      .badInput, "not an image", which: name,
      mend: "give a directory, a tar archive, or a disk image with EROFS or ext4")
  }
}
