import ArchiveFakes
import Digests
import Foundation
import Testing

@testable import Images

/// A folder for one test, and what the test makes in it.
final class Sandbox {
  let path: String
  var store: ImageStore { ImageStore(folder: "\(path)/store") }

  init() throws {
    var template = Array("\(NSTemporaryDirectory())/images-XXXXXX".utf8CString)
    path = String(cString: try #require(mkdtemp(&template)))
  }

  deinit { _ = try? Sandbox.run("/bin/rm", "-rf", path) }

  func write(_ bytes: [UInt8], _ name: String) throws {
    let url = URL(fileURLWithPath: "\(path)/\(name)")
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  func read(_ name: String) throws -> [UInt8] {
    try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)")))
  }

  /// What is in the store, however it is called.
  var stored: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: store.folder)) ?? []).sorted()
  }

  func resolve(_ text: String, limits: ImageLimits = ImageLimits()) throws -> RunnableImage {
    try ImageStore(folder: store.folder, limits: limits).resolve(try ImageReference(parsing: text))
  }

  struct Failure: Error { let output: String }

  /// Runs a program that is found in PATH, or in the folders of the system's own.
  /// - Returns: its standard output.
  @discardableResult
  static func run(_ program: String, _ arguments: String..., input: [UInt8] = []) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] = (environment["PATH"] ?? "") + ":/usr/sbin:/sbin"
    process.environment = environment
    let output = Pipe()
    let feed = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = feed
    try process.run()
    let writer = feed.fileHandleForWriting
    Thread.detachNewThread {
      try? writer.write(contentsOf: Data(input))
      try? writer.close()
    }
    let bytes = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(output: String(decoding: bytes, as: UTF8.self))
    }
    return bytes
  }

  static func has(_ program: String) -> Bool { (try? run("sh", "-c", "command -v \(program)")) != nil }
}

/// An image made of layers, in one of the forms that images come in.
struct SampleImage {
  enum Packing: String, CaseIterable { case none, gzip, zstd }

  var layers: [[UInt8]] = []
  var config = "{}"
  var architecture = LayeredImage.architecture

  init(_ layers: [TarWriter] = []) { self.layers = layers.map(\.finished) }

  /// One layer with one file, "file".
  static func ofOneFile(_ contents: String = "contents") -> SampleImage {
    var tar = TarWriter()
    tar.add("file", .file, contents)
    return SampleImage([tar])
  }

  var configuration: [UInt8] {
    let contents = layers.map { "\"sha256:\(SHA256.hexadecimal(of: $0))\"" }.joined(separator: ",")
    return Array(
      """
      {"architecture":"\(architecture)","os":"linux","config":\(config),
       "rootfs":{"type":"layers","diff_ids":[\(contents)]}}
      """.utf8)
  }

  var digest: String { "sha256:\(SHA256.hexadecimal(of: configuration))" }

  static func pack(_ bytes: [UInt8], _ packing: Packing) throws -> [UInt8] {
    switch packing {
    case .none: bytes
    case .gzip: try Sandbox.run("gzip", "-nc", input: bytes)
    case .zstd: try Sandbox.run("zstd", "-qc", input: bytes)
    }
  }

  /// The files of an OCI layout.
  func layout(_ packing: Packing = .none, tag: String = "latest") throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = ["oci-layout": Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)]
    func add(_ bytes: [UInt8], _ kind: String) -> String {
      let digest = SHA256.hexadecimal(of: bytes)
      files["blobs/sha256/\(digest)"] = bytes
      return
        #"{"mediaType":"application/vnd.oci.image.\#(kind)","digest":"sha256:\#(digest)","size":\#(bytes.count)"#
    }
    let suffix = packing == .none ? "" : "+\(packing)"
    let layers = try layers.map { add(try Self.pack($0, packing), "layer.v1.tar\(suffix)") + "}" }
    let config = add(configuration, "config.v1+json") + "}"
    let manifest = add(
      Array(#"{"schemaVersion":2,"config":\#(config),"layers":[\#(layers.joined(separator: ","))]}"#.utf8),
      "manifest.v1+json")
    files["index.json"] = Array(
      #"{"schemaVersion":2,"manifests":[\#(manifest),"annotations":{"org.opencontainers.image.ref.name":"\#(tag)"}}]}"#
        .utf8)
    return files
  }

  /// What `docker save` wrote before it wrote layouts.
  func saved(_ name: String = "sample:1") -> TarWriter {
    var tar = TarWriter()
    let config = "\(digest.dropFirst(7)).json"
    var paths: [String] = []
    for (index, layer) in layers.enumerated() {
      let path = "\(SHA256.hexadecimal(of: [UInt8(index)]))/layer.tar"
      paths.append("\"\(path)\"")
      tar.add(path, .file, bytes: layer)
    }
    tar.add(config, .file, String(decoding: configuration, as: UTF8.self))
    tar.add(
      "manifest.json", .file,
      #"[{"Config":"\#(config)","RepoTags":["\#(name)"],"Layers":[\#(paths.joined(separator: ","))]}]"#)
    return tar
  }
}

extension Sandbox {
  func write(_ files: [String: [UInt8]], to folder: String) throws {
    for (name, bytes) in files { try write(bytes, "\(folder)/\(name)") }
  }

  /// Makes layers runnable by way of an OCI layout.
  func image(
    _ layers: TarWriter..., packing: SampleImage.Packing = .none, limits: ImageLimits = ImageLimits()
  )
    throws -> ErofsView
  {
    try write(SampleImage(layers).layout(packing), to: "layout")
    return try ErofsView(resolve("oci:\(path)/layout", limits: limits).path, in: self)
  }
}

/// An EROFS image as erofs-utils sees it.
struct ErofsView {
  let image: String
  private let extracted: String

  /// - Throws: where fsck.erofs finds a fault.
  init(_ image: String, in sandbox: Sandbox) throws {
    self.image = image
    extracted = "\(sandbox.path)/extracted-\(UUID().uuidString)"
    try Sandbox.run("fsck.erofs", "--extract=\(extracted)", image)
  }

  func contents(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(extracted)/\(path)")), as: UTF8.self)
  }

  func target(_ path: String) throws -> String {
    String(decoding: try Sandbox.run("readlink", "-n", "\(extracted)/\(path)"), as: UTF8.self)
  }

  /// All paths but the root's, sorted.
  var paths: [String] {
    (FileManager.default.enumerator(atPath: extracted)?.compactMap { $0 as? String } ?? []).sorted()
  }

  /// What dump.erofs says of a file, without its path.
  func details(_ path: String) throws -> String {
    String(decoding: try Sandbox.run("dump.erofs", "--path=/\(path)", image), as: UTF8.self)
      .split(separator: "\n").dropFirst().joined(separator: " ")
  }
}
