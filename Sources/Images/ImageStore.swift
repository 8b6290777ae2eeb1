public import Configuration
import Digests
import FoundationEssentials
import Glibc
import LinuxSystem

/// Makes images runnable, and keeps what it made.
public struct ImageStore: Sendable {
  /// When a registry is asked for an image.
  public enum Pull: String, Sendable, CaseIterable { case missing, always, never }

  /// The folder of the store; it is made when something is kept.
  public let folder: String
  let limits: ImageLimits

  public init(folder: String) { self.init(folder: folder, limits: ImageLimits()) }

  init(folder: String, limits: ImageLimits) {
    self.folder = folder
    self.limits = limits
  }

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
  /// - Parameter program: where a program is that PATH leads to, to find skopeo, which fetches images of registries.
  /// - Throws: ``ExitStatus/noInput`` for what is not there, ``ExitStatus/badInput`` for what is no image or not the one
  ///   that was announced, ``ExitStatus/hostResource`` where there is no room for it.
  public func resolve(
    _ reference: ImageReference, pull: Pull = .missing, progress: Progress = .silent,
    program: (String) -> String? = { _ in nil }
  ) throws(Diagnostic) -> RunnableImage {
    defer { progress.end() }
    let request = ImageRequest(store: self, reference: reference, progress: progress)
    do throws(ImageFault) {
      switch reference {
      case .path(let path): return try request.path(path)
      case .layout(let path, let tag): return try request.layout(at: path, tag: tag)
      case .layoutArchive(let path, let tag): return try request.archive(path, .layout, name: tag)
      case .dockerArchive(let path, let name): return try request.archive(path, .saved, name: name)
      case .registry(let name): return try request.registry(name, pull: pull, skopeo: program("skopeo"))
      }
    } catch { throw error.diagnostic("\(reference)") }
  }
}

/// One reference on its way to an image.
struct ImageRequest {
  let store: ImageStore
  let reference: ImageReference
  let progress: Progress

  private var limits: ImageLimits { store.limits }

  // MARK: Paths

  func path(_ path: String) throws(ImageFault) -> RunnableImage {
    if !FileDescriptor.exists(path), let image = try kept(path) { return image }
    let file = try Self.open(path)
    let kind: FileStatus.Kind
    do throws(SystemError) { kind = try file.status().kind } catch { throw .unreadable("the image", error) }
    switch kind {
    case .directory:
      let files = FolderFiles(try Self.open(path, O_DIRECTORY))
      if files.has("oci-layout"), files.has("index.json") { return try layout(files, tag: nil) }
      return try directory(file, path)
    case .regular, .blockDevice:
      // The mark of ext4 is two bytes, which may be anything in an archive.
      if kind == .regular, DiskImage.mayBeArchive(file) { return try archive(path, .any, name: nil) }
      if let format = DiskImage.format(of: file) {
        return RunnableImage(path: path, format: format, config: ImageConfig(), digest: nil, lease: nil)
      }
      throw ImageFault(
        .badInput, "not an image",
        mend: "give a directory, a tar archive, or a disk image with EROFS or ext4")
    default:
      throw ImageFault(.noInput, "neither a directory nor a file", mend: "give one of them as the image")
    }
  }

  /// The image that has a digest: "sha256:" and some digits, or at least as many digits as a list of images has.
  /// - Returns: nil where the text is no digest.
  private func kept(_ text: String) throws(ImageFault) -> RunnableImage? {
    let isLong = text.utf8.count >= 12 && text.utf8.allSatisfy(Documents.isDigit)
    guard isLong || text.hasPrefix("sha256:") else { return nil }
    do throws(Diagnostic) { return try store.image(digest: store.digest(beginning: text)) } catch {
      throw ImageFault(error.status, error.what, mend: error.mend)
    }
  }

  private static func open(_ path: String, _ flags: Int32 = 0) throws(ImageFault) -> FileDescriptor {
    do throws(SystemError) {
      // Without O_NONBLOCK, opening a FIFO would wait for its other end.
      return try FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK | flags)
    } catch {
      switch error.code {
      case ENOENT, ENOTDIR:
        throw ImageFault(
          .noInput, "no such image", mend: "check the path, or write docker://NAME for one of a registry")
      case ENXIO:
        throw ImageFault(.noInput, "neither a directory nor a file", mend: "give one of them as the image")
      default:
        guard error.code == EACCES, let folder = FileDescriptor.closedFolder(to: path) else {
          throw .unreadable("the image", error)
        }
        throw ImageFault(
          .noInput, "no permission for the image",
          mend: "this user may not search \(folder): chmod o+x it, or copy the image elsewhere")
      }
    }
  }

  private func directory(_ file: consuming FileDescriptor, _ path: String) throws(ImageFault) -> RunnableImage
  {
    let name: ImageStore.Name
    do throws(SystemError) {
      name = .init(key: "directory \(try FileDescriptor.realPath(path))", identity: "")
    } catch { throw .unreadable("the image", error) }
    // Where the store is in the directory, as in a person's own, it would be another one with each image. It is made now, for
    // that changes the directory too.
    let own = try keeping { () throws(SystemError) in
      try FileDescriptor.makeFolders(store.folder)
      return try FileDescriptor(namingDirectory: store.folder).details().identity
    }
    let directory = DirectoryImage(file, without: own, limits: limits)
    progress.begin("looking at \(path)")
    let digest = try directory.digest()
    if let image = store.find(digest) { return image }
    let old = store.digest(of: name)
    progress.begin("reading \(path)")
    let image = try make(digest, .path, ImageConfig()) { (image) throws(ImageFault) in
      let built = try directory.build(into: image) { progress.advance($0) }
      guard built.digest == digest else {
        throw ImageFault(.noInput, "it changed while it was read", mend: "try again when nobody writes to it")
      }
      return built.root
    }
    replace(old?.digest, by: digest, name)
    return image
  }

  /// What was made of a path's former contents is of no use any more.
  private func replace(_ old: String?, by digest: String, _ name: ImageStore.Name) {
    store.set(name, to: digest)
    if let old, old != digest, store.record(old)?.kind == .path { try? store.remove("sha256:\(old)") }
  }

  // MARK: Archives

  enum ArchiveKind: String { case any, layout, saved }

  func archive(_ path: String, _ kind: ArchiveKind, name: String?) throws(ImageFault) -> RunnableImage {
    let file = try Self.open(path)
    let known: ImageStore.Name
    do throws(SystemError) {
      let details = try file.details()
      guard details.isRegular else {
        throw SystemError(call: "open", operand: path, code: details.isDirectory ? EISDIR : EINVAL)
      }
      known = .init(
        key: "archive \(kind.rawValue) \(try FileDescriptor.realPath(path)) \(name ?? "")",
        identity: details.version)
    } catch { throw .unreadable("the archive", error) }
    let old = store.digest(of: known)
    if let old, old.isCurrent, let image = store.find(old.digest) { return image }
    let image = try make(of: SharedFile(file), kind, name: name, version: known)
    if let digest = image.digest?.dropFirst(7) { replace(old?.digest, by: String(digest), known) }
    return image
  }

  private func make(
    of file: SharedFile, _ kind: ArchiveKind, name: String?, version: ImageStore.Name
  ) throws(ImageFault) -> RunnableImage {
    progress.begin("looking into the archive")
    let hasImage = kind == .any ? try ImageArchive.hasImage(file, limits: limits) : true
    if !hasImage {
      let digest = SHA256.hexadecimal(of: Array("\(version.key)\n\(version.identity)".utf8))
      progress.begin("unpacking the archive")
      return try make(digest, .path, ImageConfig()) { (image) throws(ImageFault) in
        var files = LayeredFiles(image: image, limits: limits)
        let stored = DigestedBytes(try file.bytes(from: 0)) { progress.advance($0) }
        let contents = try files.unpacked(stored, name: "the archive")
        try files.add(Archive(.tar, of: contents, name: "the archive"), whiteouts: false)
        try contents.drain()
        return files.tree.root
      }
    }
    let workplace = try Workplace("archive-\(getpid())", in: store.folder, progress: progress)
    let files: ArchiveFiles
    do throws(ImageFault) {
      progress.begin("reading the archive")
      let plain = try ImageArchive.unpacked(file, spool: workplace, limits: limits, progress: progress)
      files = try ArchiveFiles(plain, limits: limits)
    } catch {
      workplace.giveUp()
      throw error
    }
    // The unpacked archive has no name.
    workplace.giveUp()
    if kind == .layout || kind == .any && !files.has("manifest.json") { return try layout(files, tag: name) }
    return try layered(LayeredImage(saved: files, name: name, limits: limits))
  }

  // MARK: Layers

  func layout(at path: String, tag: String?) throws(ImageFault) -> RunnableImage {
    try layout(FolderFiles(Self.open(path, O_DIRECTORY)), tag: tag)
  }

  private func layout(_ files: any ImageFiles, tag: String?) throws(ImageFault) -> RunnableImage {
    try layered(LayeredImage(layout: files, tag: tag, limits: limits))
  }

  private func layered(_ layered: LayeredImage) throws(ImageFault) -> RunnableImage {
    if let image = store.find(layered.digest) { return image }
    return try make(layered.digest, .layers, layered.config) { (image) throws(ImageFault) in
      var files = LayeredFiles(image: image, limits: limits)
      for (index, layer) in layered.layers.enumerated() {
        progress.begin("unpacking layer \(index + 1) of \(layered.layers.count)")
        try files.add(layer) { progress.advance($0) }
      }
      return files.tree.root
    }
  }

  // MARK: Registries

  func registry(_ name: String, pull: ImageStore.Pull, skopeo: String?) throws(ImageFault) -> RunnableImage {
    let known = ImageStore.Name(key: "docker://\(name) \(LayeredImage.architecture)", identity: "")
    if pull != .always, let old = store.digest(of: known), let image = store.find(old.digest) { return image }
    guard pull != .never else {
      throw ImageFault(.noInput, "the image is not here", mend: "let it be fetched, or fetch it before")
    }
    guard let skopeo else {
      throw ImageFault(
        .noInput, "skopeo, which fetches images, is not installed", mend: "apt-get install skopeo")
    }
    let key = SHA256.hexadecimal(of: Array(known.key.utf8)).prefix(16)
    let workplace = try Workplace("registry-\(key)", in: store.folder, progress: progress)
    let image: RunnableImage
    do throws(ImageFault) {
      progress.begin("fetching \(name)")
      image = try fetch(name, by: skopeo, into: workplace.path)
    } catch {
      workplace.giveUp()
      throw error
    }
    workplace.giveUp()
    if let digest = image.digest?.dropFirst(7) { store.set(known, to: String(digest)) }
    return image
  }

  private func fetch(_ name: String, by skopeo: String, into folder: String) throws(ImageFault)
    -> RunnableImage
  {
    let isShown = Terminal.isTerminal(STDERR_FILENO)
    // In the folder, for skopeo takes a path to end at its first colon.
    let arguments =
      ["copy", "--override-os", "linux", "--override-arch", LayeredImage.architecture]
      + (isShown ? [] : ["--quiet"]) + ["docker://\(name)", "oci:layout"]
    let result: (status: Int32, errors: String)
    do throws(SystemError) {
      try Workplace.removeAll("\(folder)/layout")
      // It has progress of its own.
      if isShown { progress.end() }
      result = try HelperProgram.run(skopeo, arguments: arguments, in: folder, isShown: isShown)
    } catch { throw .unwritable(error) }
    guard result.status == 0 else {
      let last = result.errors.split(separator: "\n").last.map(String.init)
      throw ImageFault(
        .noInput, "skopeo cannot fetch the image",
        mend: isShown ? "its messages are above" : last ?? "it does not say why")
    }
    return try layout(at: "\(folder)/layout", tag: nil)
  }

  // MARK: Making

  /// Makes an image's file, unless somebody has done so meanwhile, and keeps it under its digest.
  private func make(
    _ digest: String, _ kind: ImageRecord.Kind, _ config: ImageConfig,
    _ fill: (ErofsImage) throws(ImageFault) -> ImageNode
  ) throws(ImageFault) -> RunnableImage {
    Workplace.removeAbandoned(in: store.folder)
    let workplace = try Workplace(digest, in: store.folder, progress: progress)
    if let image = store.find(digest) {
      workplace.giveUp()
      return image
    }
    do throws(ImageFault) {
      let image = ErofsImage(
        file: try workplace.create(ImageStore.imageName), spool: try workplace.createSpool(), limits: limits)
      let root = try fill(image)
      progress.begin("writing the image")
      try image.finish(root, identifier: Documents.bytes(ofDigest: digest))
      try write(ImageRecord(source: "\(reference)", kind: kind, created: Self.now, config: config), workplace)
    } catch {
      workplace.giveUp()
      throw error
    }
    try workplace.publish()
    guard let image = store.find(digest) else {
      throw ImageFault(.hostResource, "the image was removed while it was made", mend: "try again")
    }
    return image
  }

  private static var now: Int64 { Int64(Date().timeIntervalSince1970) }

  private func write(_ record: ImageRecord, _ workplace: borrowing Workplace) throws(ImageFault) {
    let bytes: Data
    do { bytes = try JSONEncoder().encode(record) } catch {
      throw ImageFault(.monitorError, "cannot write down what the image is", mend: "\(error)")
    }
    let file = try workplace.create(ImageStore.recordName)
    do throws(SystemError) {
      try file.writeAll(Array(bytes))
      try file.synchronize()
    } catch { throw .unwritable(error) }
  }
}

extension FileDetails {
  /// Another text when the file is another one, or has changed.
  fileprivate var version: String {
    "\(identity.device) \(identity.number) \(size) \(modified.seconds).\(modified.nanoseconds)"
      + " \(changed.seconds).\(changed.nanoseconds)"
  }
}
