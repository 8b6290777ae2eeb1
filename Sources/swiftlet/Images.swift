import ArgumentParser
import Configuration
import FoundationEssentials
import Glibc
import Images
import LinuxSystem

struct ImagesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "images",
    abstract: "List and remove the images that are kept, or say what one is.",
    discussion: """
      Images of containers, archives and directories are made into one file system in one file each, once, and kept in \
      $XDG_CACHE_HOME/swiftlet/images, or ~/.cache/swiftlet/images. Each may be removed at any time when no machine uses \
      it: it is made again when it is needed.
      """,
    subcommands: [ListImages.self, InspectImage.self, RemoveImages.self, PruneImages.self],
    defaultSubcommand: ListImages.self)

  static func store() throws(Diagnostic) -> ImageStore {
    try ImageStore.ofUser(environment: Installation.environment)
  }
}

struct ListImages: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the images, the one that was used last first.",
    discussion: """
      With --json: a list of {"digest": text, "size": bytes of the disk, "created" and "lastUsed": seconds since 1970, \
      "source": what it was made from, "config": as inspect prints it}.
      """)

  @Flag(help: "Print a JSON list.")
  var json = false

  func run() throws {
    let images = try ImagesCommand.store().list()
    try Output.write(json ? try encoded(images) : ListImages.lines(images))
  }

  private static func lines(_ images: [StoredImage]) -> String {
    let rows =
      [["DIGEST", "SIZE", "CREATED", "LAST USED", "SOURCE"]]
      + images.map {
        [
          String($0.digest.dropFirst(7).prefix(12)), megabytes($0.size), date($0.created), date($0.lastUsed),
          Diagnostic.printable($0.source),
        ]
      }
    let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let columns = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
      return (columns + [row[4]]).joined(separator: "  ") + "\n"
    }.joined()
  }

  private static func date(_ seconds: Int64) -> String {
    let text = Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    return text.replacing("T", with: " ").prefix(16) + "Z"
  }
}

struct InspectImage: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Print what an image is and how it says it is run, as JSON.",
    discussion: """
      {"path": its file, "format": "erofs" or "ext4", "digest": text, left out for a disk image, "config": {"entrypoint", \
      "command", "environment": lists of texts, "workingDirectory", "user": text, "stopSignal": text, left out where the \
      image has none, "exposedPorts": a list of {"number", "transport"}}}. An image that is not kept yet is made first.
      """)

  @Argument(
    help: """
      A directory, a disk image or an archive by its path, oci:DIR[:TAG], oci-archive:FILE[:TAG], \
      docker-archive:FILE[:NAME], docker://NAME, or the digest of one that is kept, as the list has it.
      """, completion: .file())
  var image: String

  private struct Document: Encodable {
    let path: String
    let format: FileSystemFormat
    let digest: String?
    let config: ImageConfig
  }

  func run() throws {
    let found = try ImagesCommand.store().resolve(
      try ImageReference(parsing: image), progress: terminalProgress(), program: Installation.program)
    try Output.write(
      try encoded(
        Document(path: found.path, format: found.format, digest: found.digest, config: found.config)))
  }
}

struct RemoveImages: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm", abstract: "Remove images, unless a machine uses them.")

  @Argument(help: "Digests, or as much of their beginnings as no other image has.")
  var digests: [String]

  func run() throws {
    let store = try ImagesCommand.store()
    for digest in try digests.map({ try store.digest(beginning: $0) }) { try store.remove(digest) }
  }
}

struct PruneImages: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Remove images that were not used for 30 days, unless a machine uses them.",
    discussion: "Prints the digests of what was removed. What interrupted commands left is removed as well.")

  @Option(help: .init("Remove what was not used for so long, like 7d, 12h or 30m.", valueName: "time"))
  var olderThan: String?

  @Flag(help: "Remove every image that no machine uses.")
  var all = false

  func run() throws {
    if all, olderThan != nil {
      throw Diagnostic(.usage, "--all and --older-than", which: "", mend: "give one of them")
    }
    let seconds = try all ? 0 : PruneImages.seconds(olderThan ?? "30d")
    let removed = try ImagesCommand.store().prune(unusedFor: seconds)
    try Output.write(removed.map { "\($0.digest)\n" }.joined())
    let total = megabytes(removed.reduce(0) { $0 + $1.size })
    Program.warn("removed \(removed.count) \(removed.count == 1 ? "image" : "images"), \(total)")
  }

  /// The seconds that "7d", "12h", "30m" or "90s" stands for.
  static func seconds(_ text: String) throws(Diagnostic) -> Int64 {
    let units: [Character: Int64] = ["d": 86400, "h": 3600, "m": 60, "s": 1]
    guard let unit = text.last.flatMap({ units[$0] }), let number = UInt32(text.dropLast()) else {
      throw Diagnostic(.usage, "bad time", which: text, mend: "write one like 7d, 12h or 30m")
    }
    return Int64(number) * unit
  }
}

private func megabytes(_ bytes: UInt64) -> String {
  let tenths = (bytes + 50_000) / 100_000
  return "\(tenths / 10).\(tenths % 10) MB"
}

private func encoded(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
}

/// Shows progress in one line of standard error, where that is a terminal.
func terminalProgress() -> Progress {
  Terminal.isTerminal(STDERR_FILENO) ? Progress(tell: showProgress) : .silent
}

/// Shows a line on standard error, a terminal, in place of the last one.
@Sendable func showProgress(_ line: String) {
  // To the line's start, and what is right of it away.
  standardError("\r\u{1b}[K\(Diagnostic.printable(line))")
}
