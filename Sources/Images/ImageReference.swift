public import Configuration

/// How a person names an image.
public enum ImageReference: Sendable, Equatable {
  /// A path: a directory, a disk image or an archive, which its contents tell.
  case path(String)
  /// `oci:DIR[:TAG]`: an OCI image layout (image-spec, image-layout.md).
  case layout(String, tag: String?)
  /// `oci-archive:FILE[:TAG]`: a tar archive of an OCI image layout.
  case layoutArchive(String, tag: String?)
  /// `docker-archive:FILE[:NAME]`: what `docker save` and `podman save` write.
  case dockerArchive(String, name: String?)
  /// `docker://NAME`: an image of a registry.
  case registry(String)

  /// - Throws: ``ExitStatus/usage``.
  public init(parsing text: String) throws(Diagnostic) {
    guard !text.isEmpty else {
      throw Diagnostic(.usage, "empty image", which: "", mend: "name a directory, an archive or a disk image")
    }
    guard !text.utf8.contains(0) else {
      throw Diagnostic(.usage, "bad image", which: text, mend: "a path has no zero byte")
    }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      self = .path(text)
      return
    }
    let rest = String(parts[1])
    switch parts[0] {
    case "oci":
      let (path, tag) = try Self.place(rest, in: text)
      self = .layout(path, tag: tag)
    case "oci-archive":
      let (path, tag) = try Self.place(rest, in: text)
      self = .layoutArchive(path, tag: tag)
    case "docker-archive":
      let (path, name) = try Self.place(rest, in: text)
      self = .dockerArchive(path, name: name)
    case "docker" where rest.hasPrefix("//"):
      self = .registry(try Self.registryName(String(rest.dropFirst(2)), in: text))
    case "docker", "docker-daemon", "containers-storage", "dir", "ostree", "sif", "http", "https", "file":
      throw Diagnostic(
        .usage, "images cannot be had by '\(parts[0]):'", which: text,
        mend: "use a path, oci:DIR, oci-archive:FILE, docker-archive:FILE or docker://NAME")
    default: self = .path(text)
    }
  }

  /// `PATH[:TAG]`; the path ends at the first colon, as it does for skopeo and podman.
  private static func place(_ rest: String, in text: String) throws(Diagnostic) -> (String, String?) {
    let parts = rest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard !parts[0].isEmpty else {
      throw Diagnostic(.usage, "image without a path", which: text, mend: "write the path behind the colon")
    }
    guard parts.count == 2 else { return (String(parts[0]), nil) }
    guard !parts[1].isEmpty else {
      throw Diagnostic(.usage, "image with an empty tag", which: text, mend: "leave the last colon out")
    }
    return (String(parts[0]), String(parts[1]))
  }

  /// What skopeo is handed may neither be an option nor hold what no reference has.
  private static func registryName(_ name: String, in text: String) throws(Diagnostic) -> String {
    let isName = name.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
      default: "._-/:@+[]".utf8.contains(byte)
      }
    }
    guard isName, let first = name.utf8.first, !"-/.:@+".utf8.contains(first) else {
      throw Diagnostic(
        .usage, "bad name of a registry's image", which: text, mend: "write one like docker://debian:12")
    }
    return name
  }
}

extension ImageReference: CustomStringConvertible {
  /// As a person writes it.
  public var description: String {
    func with(_ tag: String?) -> String { tag.map { ":\($0)" } ?? "" }
    return switch self {
    case .path(let path): path
    case .layout(let path, let tag): "oci:\(path)\(with(tag))"
    case .layoutArchive(let path, let tag): "oci-archive:\(path)\(with(tag))"
    case .dockerArchive(let path, let name): "docker-archive:\(path)\(with(name))"
    case .registry(let name): "docker://\(name)"
    }
  }
}
