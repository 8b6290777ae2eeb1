import Glibc
import Testing

/// Every input of the corpora, through the target that it is for; each corpus in a process of its own, which a trap
/// ends. Which input that was, `make fuzz` says, for it begins with them.
@Suite struct ReplayTests {
  private static let corpora =
    #filePath.split(separator: "/").dropLast(2).map { "/\($0)" }.joined() + "/Corpora"

  @Test(arguments: FuzzTarget.all.map(\.name))
  func replay(_ name: String) async {
    await #expect(processExitsWith: .success) { [name] in
      let target = try #require(FuzzTarget.all.first { $0.name == name })
      let files = Self.files(in: "\(Self.corpora)/\(name)")
      try #require(!files.isEmpty, "no corpus for \(name)")
      // The empty input is in no corpus, and any target's.
      #expect(throws: Never.self) { try target.run([]) }
      for file in files {
        let bytes = try #require(Self.contents(of: file))
        do { try target.run(bytes) } catch { Issue.record("\(file): \(error)") }
      }
    }
  }

  /// Corpora of targets that are no more would be dead weight.
  @Test func everyCorpusHasATarget() {
    #expect(
      Set(Self.files(in: Self.corpora).map { Substring($0.split(separator: "/").last ?? "") })
        == Set(FuzzTarget.all.map { Substring($0.name) }))
  }

  private static func files(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var files: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { files.append("\(folder)/\(name)") }
    }
    return files.sorted()
  }

  private static func contents(of path: String) -> [UInt8]? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = getc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
    return bytes
  }
}
