import FoundationEssentials

/// The JSON of OCI images (image-spec) and of `docker save`, as far as it is of use here.
enum Documents {
  struct Descriptor: Decodable {
    struct Platform: Decodable {
      let architecture: String?
      let os: String?
    }
    let mediaType: String?
    let digest: String
    let size: Int64
    let platform: Platform?
    let annotations: [String: String]?

    static let referenceName = "org.opencontainers.image.ref.name"
    var name: String? { annotations?[Self.referenceName] }

    /// - Throws: where it is not of SHA-256, or of no size.
    func blob() throws(ImageFault) -> Blob {
      guard let size = UInt64(exactly: size) else { throw .bad("a size in its manifest is less than 0") }
      return Blob(digest: try Documents.sha256(digest), size: size)
    }
  }

  /// An index has manifests, a manifest has layers and a configuration.
  struct IndexOrManifest: Decodable {
    let manifests: [Descriptor]?
    let config: Descriptor?
    let layers: [Descriptor]?
  }

  struct Configuration: Decodable {
    struct Run: Decodable {
      let user: String?
      let exposedPorts: [String: Nothing?]?
      let environment: [String]?
      let entrypoint: [String]?
      let command: [String]?
      let workingDirectory: String?
      let stopSignal: String?

      enum CodingKeys: String, CodingKey {
        case user = "User"
        case exposedPorts = "ExposedPorts"
        case environment = "Env"
        case entrypoint = "Entrypoint"
        case command = "Cmd"
        case workingDirectory = "WorkingDir"
        case stopSignal = "StopSignal"
      }
    }
    struct RootFiles: Decodable {
      let contents: [String]

      enum CodingKeys: String, CodingKey { case contents = "diff_ids" }
    }
    /// Any value, which says nothing.
    struct Nothing: Decodable { init(from decoder: any Decoder) {} }

    let architecture: String?
    let os: String?
    let config: Run?
    let rootFiles: RootFiles

    enum CodingKeys: String, CodingKey {
      case architecture, os, config
      case rootFiles = "rootfs"
    }
  }

  /// One image of manifest.json.
  struct SavedImage: Decodable {
    let config: String
    let names: [String]?
    let layers: [String]

    enum CodingKeys: String, CodingKey {
      case config = "Config"
      case names = "RepoTags"
      case layers = "Layers"
    }
  }

  static func decode<Value: Decodable>(
    _ type: Value.Type, _ bytes: [UInt8], name: String
  ) throws(ImageFault) -> Value {
    do { return try JSONDecoder().decode(type, from: Data(bytes)) } catch {
      throw .bad("\(name) \(reason(error))")
    }
  }

  private static func reason(_ error: any Error) -> String {
    func place(_ context: DecodingError.Context) -> String {
      let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
      return path.isEmpty ? "its outermost value" : quoted(Array(path.joined(separator: ".").utf8))
    }
    return switch error as? DecodingError {
    case .keyNotFound(let key, let context): "has no \(key.stringValue) in \(place(context))"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "has something else than it should as \(place(context))"
    default: "is not JSON"
    }
  }

  /// The digits of "sha256:…".
  static func sha256(_ digest: String) throws(ImageFault) -> String {
    let parts = digest.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0] == "sha256" else {
      throw .bad("the digest \(quoted(Array(digest.utf8))) is not of SHA-256")
    }
    guard isDigest(parts[1]) else { throw .bad("\(quoted(Array(digest.utf8))) is no digest") }
    return String(parts[1])
  }

  /// The bytes that pairs of a digest's digits stand for.
  static func bytes(ofDigest digits: String) -> [UInt8] {
    let values = digits.utf8.map { $0 < 0x3a ? $0 &- 0x30 : $0 &- 0x57 }
    return stride(from: 0, to: values.count - 1, by: 2).map { values[$0] << 4 | values[$0 + 1] }
  }

  /// Whether these are the digits of a digest.
  static func isDigest(_ text: some StringProtocol) -> Bool {
    text.utf8.count == 64 && text.utf8.allSatisfy(isDigit)
  }

  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) }
}

extension ImageConfig {
  init(_ run: Documents.Configuration.Run?) throws(ImageFault) {
    self.init()
    guard let run else { return }
    let texts =
      (run.entrypoint ?? []) + (run.command ?? []) + (run.environment ?? [])
      + [run.workingDirectory, run.user, run.stopSignal].compactMap { $0 }
    guard !texts.contains(where: { $0.utf8.contains(0) }) else {
      throw .bad("a text of its configuration has a zero byte")
    }
    entrypoint = run.entrypoint ?? []
    command = run.command ?? []
    environment = (run.environment ?? []).filter { $0.contains("=") }
    if let directory = run.workingDirectory, !directory.isEmpty {
      workingDirectory = directory.hasPrefix("/") ? directory : "/\(directory)"
    }
    user = run.user ?? ""
    if let signal = run.stopSignal, !signal.isEmpty { stopSignal = signal }
    exposedPorts = (run.exposedPorts ?? [:]).keys.compactMap { ExposedPort($0) }.sorted()
  }
}
