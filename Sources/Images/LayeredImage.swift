import Configuration
import Digests
import LinuxSystem

/// An image that consists of layers, before it is made runnable.
struct LayeredImage {
  /// SHA-256 of its configuration, in hexadecimal: what Docker calls the image's identifier. The configuration has the
  /// digests of what the layers unpack to, which are verified, so that two images of one digest are one image.
  let digest: String
  let config: ImageConfig
  let layers: [Layer]

  /// - Parameters:
  ///   - configuration: as it is stored.
  ///   - stored: for each layer what messages call it, what is announced of its bytes, and how to open it.
  init(
    configuration: [UInt8],
    stored: [(name: String, blob: Blob?, open: () throws(ImageFault) -> any ByteSource)],
    limits: ImageLimits
  ) throws(ImageFault) {
    let document = try Documents.decode(
      Documents.Configuration.self, configuration, name: "its configuration")
    let (system, architecture) = (document.os ?? "linux", document.architecture ?? Self.architecture)
    guard system == "linux", architecture == Self.architecture else {
      throw ImageFault(
        .badInput, "the image is for \(quoted(Array("\(system)/\(architecture)".utf8)))",
        mend: "use one for linux/\(Self.architecture)")
    }
    guard stored.count <= limits.layers else {
      throw .tooMuch("the image has \(stored.count) layers")
    }
    let contents = document.rootFiles.contents
    guard contents.count == stored.count else {
      throw .bad("the image has \(stored.count) layers, its configuration \(contents.count)")
    }
    digest = SHA256.hexadecimal(of: configuration)
    config = try ImageConfig(document.config)
    var layers: [Layer] = []
    for (layer, contents) in zip(stored, contents) {
      layers.append(
        Layer(
          name: layer.name, stored: layer.blob, contents: try Documents.sha256(contents), open: layer.open))
    }
    self.layers = layers
  }

  /// As images name the host's.
  static var architecture: String {
    #if arch(arm64)
    "arm64"
    #else
    "amd64"
    #endif
  }
}

// MARK: OCI image layouts

extension LayeredImage {
  /// The image of an OCI image layout that is for this host.
  /// - Parameter tag: which one, where there are several.
  init(layout files: any ImageFiles, tag: String?, limits: ImageLimits) throws(ImageFault) {
    let index = try Documents.decode(
      Documents.IndexOrManifest.self, files.document("index.json", limits: limits), name: "index.json")
    var descriptor = try Self.named(tag, of: index.manifests ?? [])
    for _ in 0..<5 {
      let name = "the manifest \(descriptor.digest.prefix(19))"
      let bytes = try Self.document(descriptor, in: files, name: name, limits: limits)
      let document = try Documents.decode(Documents.IndexOrManifest.self, bytes, name: name)
      if let config = document.config, let layers = document.layers {
        let configuration = try Self.document(config, in: files, name: "its configuration", limits: limits)
        var stored: [(name: String, blob: Blob?, open: () throws(ImageFault) -> any ByteSource)] = []
        for layer in layers {
          guard layer.mediaType?.contains("tar") ?? true else {
            throw .bad("a layer of the kind \(quoted(Array((layer.mediaType ?? "").utf8))) is no archive")
          }
          let blob = try layer.blob()
          stored.append(
            (
              "layer sha256:\(blob.digest.prefix(12))", blob,
              { () throws(ImageFault) in try files.open(Self.path(blob)) }
            ))
        }
        try self.init(configuration: configuration, stored: stored, limits: limits)
        return
      }
      guard let manifests = document.manifests else { throw .bad("\(name) has neither layers nor manifests") }
      descriptor = try Self.forThisHost(manifests)
    }
    throw .bad("its indexes are in one another more than five times")
  }

  private static func path(_ blob: Blob) -> String { "blobs/sha256/\(blob.digest)" }

  /// A blob that is read as a whole.
  private static func document(
    _ descriptor: Documents.Descriptor, in files: any ImageFiles, name: String, limits: ImageLimits
  ) throws(ImageFault) -> [UInt8] {
    let blob = try descriptor.blob()
    let bytes = DigestedBytes(try files.open(path(blob)), announced: blob.size)
    let contents = try bytes.contents(limit: limits.document, name: name)
    try blob.check(bytes, name: name)
    return contents
  }

  private static func named(
    _ tag: String?, of manifests: [Documents.Descriptor]
  ) throws(ImageFault) -> Documents.Descriptor {
    guard let tag else {
      let names = Set(manifests.map { $0.name ?? "" })
      guard names.count <= 1 else { throw ambiguous(names, "oci:DIR:TAG") }
      return try forThisHost(manifests)
    }
    let found = manifests.filter { $0.name == tag }
    guard !found.isEmpty else { throw missing(tag, of: manifests.compactMap(\.name)) }
    return try forThisHost(found)
  }

  private static func forThisHost(
    _ manifests: [Documents.Descriptor]
  ) throws(ImageFault) -> Documents.Descriptor {
    func suits(_ platform: Documents.Descriptor.Platform) -> Bool {
      platform.os == "linux" && platform.architecture == architecture
    }
    if let found = manifests.first(where: { $0.platform.map(suits) ?? false }) { return found }
    if let found = manifests.first(where: { $0.platform == nil }) { return found }
    guard !manifests.isEmpty else { throw .bad("it has no image") }
    let all = manifests.compactMap(\.platform).map { "\($0.os ?? "?")/\($0.architecture ?? "?")" }
    throw ImageFault(
      .badInput, "the image is for \(quoted(Array(Set(all).sorted().joined(separator: ", ").utf8)))",
      mend: "use one for linux/\(architecture)")
  }

  fileprivate static func ambiguous(_ names: Set<String>, _ place: String) -> ImageFault {
    let list = names.filter { !$0.isEmpty }.sorted().joined(separator: ", ")
    return ImageFault(
      .badInput, "there are several images (\(quoted(Array(list.utf8))))", mend: "name one as \(place)")
  }

  fileprivate static func missing(_ name: String, of names: [String]) -> ImageFault {
    let list = names.isEmpty ? "none has a name" : "there are \(names.sorted().joined(separator: ", "))"
    return ImageFault(
      .noInput, "no image '\(quoted(Array(name.utf8)))' in it", mend: quoted(Array(list.utf8)))
  }
}

// MARK: docker save

extension LayeredImage {
  /// The image of an archive that `docker save` or `podman save` wrote.
  /// - Parameter name: which one, where there are several.
  init(saved files: any ImageFiles, name: String?, limits: ImageLimits) throws(ImageFault) {
    let images = try Documents.decode(
      [Documents.SavedImage].self, files.document("manifest.json", limits: limits), name: "manifest.json")
    let image = try Self.named(name, of: images)
    let bytes = try files.document(image.config, limits: limits)
    // The configuration's file is called by its digest, in one of three ways.
    if let called = image.config.split(separator: "/").last?.split(separator: ".").first,
      Documents.isDigest(called),
      called != SHA256.hexadecimal(of: bytes)
    {
      throw .bad("its configuration does not have the digest sha256:\(called)")
    }
    let stored = image.layers.map { path in
      (
        name: "layer \(quoted(Array(path.utf8.prefix(24))))", blob: Blob?.none,
        open: { () throws(ImageFault) -> any ByteSource in try files.open(path) }
      )
    }
    try self.init(configuration: bytes, stored: stored, limits: limits)
  }

  private static func named(
    _ name: String?, of images: [Documents.SavedImage]
  ) throws(ImageFault) -> Documents.SavedImage {
    let names = images.flatMap { $0.names ?? [] }
    if let name {
      // "busybox" is short for "docker.io/library/busybox:latest".
      let wanted = [name, "\(name):latest"].flatMap { [$0, "docker.io/library/\($0)", "docker.io/\($0)"] }
      let found = wanted.lazy.compactMap { name in images.first { $0.names?.contains(name) ?? false } }.first
      guard let found else { throw missing(name, of: names) }
      return found
    }
    guard let image = images.first else { throw .bad("it has no image") }
    guard images.count == 1 else { throw ambiguous(Set(names), "docker-archive:FILE:NAME") }
    return image
  }
}
