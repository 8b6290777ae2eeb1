import ArchiveFakes
import Configuration
import Digests
import Foundation
import Testing

@testable import Images

/// Images that want what they may not: refused by one line, and nothing of them is kept.
struct HostileImageTests {
  private func expectRefusal(
    _ text: String, of tar: TarWriter..., limits: ImageLimits = ImageLimits(),
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let sandbox = try Sandbox()
    try sandbox.write(SampleImage(tar).layout(), to: "layout")
    let error = #expect(throws: Diagnostic.self, sourceLocation: sourceLocation) {
      try sandbox.resolve("oci:\(sandbox.path)/layout", limits: limits)
    }
    #expect(error?.status == .badInput, sourceLocation: sourceLocation)
    #expect(
      error?.what.contains(text) == true, "\(String(describing: error))", sourceLocation: sourceLocation)
    #expect(sandbox.stored == [], sourceLocation: sourceLocation)
  }

  private func tar(_ fill: (inout TarWriter) -> Void) -> TarWriter {
    var tar = TarWriter()
    fill(&tar)
    return tar
  }

  @Test func pathsThatLeaveTheImage() throws {
    try expectRefusal("absolute path /etc/passwd", of: tar { $0.add("/etc/passwd") })
    try expectRefusal("leads out", of: tar { $0.add("a/../../b") })
    try expectRefusal("leads out", of: tar { $0.add("..", .directory) })
    try expectRefusal(
      "loop of links",
      of: tar {
        $0.add("a", .symbolicLink, target: "b")
        $0.add("b", .symbolicLink, target: "a")
        $0.add("a/file")
      })
  }

  @Test func hardLinksToElsewhere() throws {
    try expectRefusal("absolute path", of: tar { $0.add("a", .hardLink, target: "/etc/passwd") })
    try expectRefusal("leads out", of: tar { $0.add("a", .hardLink, target: "../etc/passwd") })
    try expectRefusal("which is not in it", of: tar { $0.add("a", .hardLink, target: "later") })
    try expectRefusal(
      "which is a directory",
      of: tar {
        $0.add(directory: "d")
        $0.add("a", .hardLink, target: "d")
      })
    try expectRefusal(
      "which is not in it",
      of: tar {
        $0.add("up", .symbolicLink, target: "../host")
        $0.add("a", .hardLink, target: "up/shadow")
      })
  }

  /// libarchive reads on behind them, without the names and attributes that they have.
  @Test func headersThatAreNot() throws {
    for record in ["x", "9999 path=b\n", "12 path", "-5 path=b\n", "9999999 path=b\n"] {
      try expectRefusal(
        "is corrupt",
        of: tar {
          $0.add("pax", .pax, record)
          $0.add("a")
        })
    }
  }

  @Test func whiteoutsOfNoFile() throws {
    for name in [".wh.", ".wh..", ".wh...", "d/.wh.", "d/.wh../", "./.wh..."] {
      try expectRefusal("the whiteout \(name)", of: tar { $0.add("d/file") }, tar { $0.add(name) })
    }
    try expectRefusal("absolute path", of: tar { $0.add("/.wh.d") })
    try expectRefusal("leads out", of: tar { $0.add("../.wh.d") })
  }

  @Test func whatNoFileHas() throws {
    try expectRefusal("link to a path of 0 bytes", of: tar { $0.add("a", .symbolicLink) })
    try expectRefusal("which Linux has not", of: tar { $0.add("a", .characterDevice, device: (4096, 0)) })
    try expectRefusal(
      "which Linux has not", of: tar { $0.add("a", .blockDevice, device: (1 << 32 | 8, 0)) })
    try expectRefusal(
      "which Linux has not", of: tar { $0.add("a", .blockDevice, device: (8, 1 << 32)) })
    try expectRefusal("root is no directory", of: tar { $0.add("./", .symbolicLink, target: "x") })
    try expectRefusal("the name", of: tar { $0.add(String(repeating: "n", count: 256)) })
  }

  @Test func tooMuchOfAnything() throws {
    var limits = ImageLimits()
    limits.entries = 20
    try expectRefusal("more than 20 files", of: tar { for n in 0...20 { $0.add("\(n)") } }, limits: limits)
    limits = ImageLimits()
    limits.layers = 2
    try expectRefusal("3 layers", of: TarWriter(), TarWriter(), TarWriter(), limits: limits)
    limits = ImageLimits()
    limits.depth = 5
    try expectRefusal("in one another", of: tar { $0.add("1/2/3/4/5/6/7") }, limits: limits)
    limits = ImageLimits()
    limits.size = 1 << 30
    // A hole of 2 GiB, which takes no room in the archive.
    try expectRefusal(
      "more than 1 GiB",
      of: tar {
        $0.add(
          "GNUSparseFile.0/sparse", .file, "0\n" + String(repeating: "\0", count: 510),
          pax: [
            ("GNU.sparse.major", Array("1".utf8)), ("GNU.sparse.minor", Array("0".utf8)),
            ("GNU.sparse.name", Array("sparse".utf8)), ("GNU.sparse.realsize", Array("2147483648".utf8)),
          ])
      }, limits: limits)
    limits = ImageLimits()
    limits.written = 10_000
    try expectRefusal(
      "unpacks to more", of: tar { $0.add("a", .file, String(repeating: "a", count: 20_000)) }, limits: limits
    )
    limits = ImageLimits()
    limits.attributes = 100
    try expectRefusal(
      "extended attributes",
      of: tar { $0.add("a", pax: [("SCHILY.xattr.user.a", [UInt8](repeating: 1, count: 200))]) },
      limits: limits)
    limits = ImageLimits()
    limits.texts = 10_000
    try expectRefusal(
      "names, links and extended attributes",
      of: tar {
        for n in 0..<20 { $0.add("\(n)", pax: [("SCHILY.xattr.user.a", [UInt8](repeating: 1, count: 600))]) }
      },
      limits: limits)
    try expectRefusal(
      "names, links and extended attributes",
      of: tar {
        for n in 0..<20 { $0.add("\(n)", .symbolicLink, target: String(repeating: "t", count: 600)) }
      },
      limits: limits)
    try expectRefusal(
      "names, links and extended attributes",
      of: tar { for n in 10..<60 { $0.add("\(n)\(String(repeating: "n", count: 248))") } }, limits: limits)
    limits = ImageLimits()
    limits.steps = 1000
    try expectRefusal(
      "too long to follow",
      of: tar {
        let path = String(repeating: "d/", count: 50)
        $0.add(directory: path)
        for n in 0..<50 { $0.add("\(path)\(n)") }
      }, limits: limits)
  }

  /// Bytes of which nothing comes cost time: those of whiteouts, behind an archive's end, and of archives in one another.
  @Test func unpackingWithoutEnd() throws {
    var limits = ImageLimits()
    limits.unpacked = 100_000
    let much = String(repeating: "m", count: 60_000)
    try expectRefusal(
      "unpacks to more",
      of: tar { $0.add(".wh.a", .file, much) }, tar { $0.add(".wh.a", .file, much) }, limits: limits)
    var long = SampleImage([TarWriter()])
    long.layers[0] += [UInt8](repeating: 0, count: 100_000)
    let saved = long.saved().finished
    let files = tar { $0.add("manifest.json", .file, much + much) }.finished
    for (bytes, packers, text) in [
      (saved, ["gzip"], "unpacks to more"), (saved, [], "unpacks to more"),
      (files, ["gzip"], "unpacks to more"),
      (SampleImage([TarWriter()]).saved().finished, ["gzip", "bzip2"], "compressed more than once"),
      (tar { $0.add("file") }.finished, ["bzip2", "xz"], "compressed more than once"),
    ] {
      let sandbox = try Sandbox()
      try sandbox.write(
        packers.reduce(bytes) { try Sandbox.run($1, "-c", input: $0) }, "archive")
      let error = #expect(throws: Diagnostic.self) {
        try sandbox.resolve("\(sandbox.path)/archive", limits: limits)
      }
      #expect(
        error?.status == .badInput && error?.what.contains(text) == true, "\(String(describing: error))")
      #expect(sandbox.stored.filter { $0 != "names" } == [])
    }
  }

  /// libarchive keeps the whole map of where a sparse file has data.
  @Test func headersWithoutEnd() throws {
    try expectRefusal(
      "header of more than 4 MiB",
      of: tar {
        $0.add(
          "GNUSparseFile.0/sparse", .file, "2000000\n" + String(repeating: "0\n0\n", count: 2_000_000),
          pax: [
            ("GNU.sparse.major", Array("1".utf8)), ("GNU.sparse.minor", Array("0".utf8)),
            ("GNU.sparse.name", Array("sparse".utf8)), ("GNU.sparse.realsize", Array("1".utf8)),
          ])
      })
  }

  /// Marks in many places look at each file once a layer, not once a mark.
  @Test func manyWhiteoutsOfMuch() throws {
    let sandbox = try Sandbox()
    var (lower, upper) = (TarWriter(), TarWriter())
    for n in 0..<2000 { lower.add("d/\(n)") }
    for n in 0..<2000 {
      upper.add("d/new-\(n)")
      upper.add("d/.wh..wh..opq")
      upper.add(".wh.d")
    }
    #expect(try sandbox.image(lower, upper).paths.count == 2001)
  }

  // MARK: Bytes that are not the announced ones

  private func expectRefusal(
    _ text: String, _ change: (inout [String: [UInt8]], SampleImage) throws -> Void,
    packing: SampleImage.Packing = .gzip, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let sandbox = try Sandbox()
    let sample = SampleImage([tar { $0.add("file", .file, String(repeating: "contents", count: 2000)) }])
    var files = try sample.layout(packing)
    try change(&files, sample)
    try sandbox.write(files, to: "layout")
    let error = #expect(throws: Diagnostic.self, sourceLocation: sourceLocation) {
      try sandbox.resolve("oci:\(sandbox.path)/layout")
    }
    #expect(error?.status == .badInput, sourceLocation: sourceLocation)
    #expect(
      error?.description.contains(text) == true, "\(String(describing: error))",
      sourceLocation: sourceLocation)
    #expect(sandbox.stored == [], sourceLocation: sourceLocation)
  }

  /// The path of the layer's blob.
  private func layer(_ sample: SampleImage, _ packing: SampleImage.Packing) throws -> String {
    "blobs/sha256/\(SHA256.hexadecimal(of: try SampleImage.pack(sample.layers[0], packing)))"
  }

  @Test(arguments: SampleImage.Packing.allCases)
  func layersThatAreNotTheirDigests(_ packing: SampleImage.Packing) throws {
    try expectRefusal(
      "does not have the digest",
      { files, sample in
        files[try layer(sample, packing), default: []][60] ^= 1
      }, packing: packing)
    try expectRefusal(
      "is truncated",
      { files, sample in
        files[try layer(sample, packing), default: []].removeLast(20)
      }, packing: packing)
    try expectRefusal(
      "does not have the digest",
      { files, sample in
        files[try layer(sample, packing), default: []].append(0)
      }, packing: packing)
    try expectRefusal(
      "is missing", { files, sample in files[try layer(sample, packing)] = nil }, packing: packing)
  }

  /// Neither is opened what is no file, nor what lies elsewhere on the host, whatever is in it.
  @Test func blobsThatAreElsewhere() throws {
    for (commands, text) in [
      ("mv blobs/sha256/$layer ../layer; ln -s ../../../layer blobs/sha256/$layer", "is no regular file"),
      ("rm blobs/sha256/$layer; mkfifo blobs/sha256/$layer", "is no regular file"),
      ("mv blobs ../blobs; ln -s ../blobs blobs", "is in no folder of its own"),
      ("mv index.json ../index.json; ln -s ../index.json index.json", "index.json is no regular file"),
    ] {
      let sandbox = try Sandbox()
      let sample = SampleImage([TarWriter()])
      try sandbox.write(sample.layout(), to: "layout")
      let layer = SHA256.hexadecimal(of: sample.layers[0])
      try Sandbox.run("sh", "-euc", "cd \(sandbox.path)/layout; layer=\(layer); \(commands)")
      for reference in ["oci:\(sandbox.path)/layout", "\(sandbox.path)/layout"] {
        let error = #expect(throws: Diagnostic.self) { try sandbox.resolve(reference) }
        #expect(error?.status == .badInput)
        #expect(error?.what.contains(text) == true, "\(String(describing: error))")
      }
    }
  }

  /// More than EROFS has numbers for; directories of some file systems have that too.
  @Test func attributesThatAnInodeCannotHave() throws {
    for sizes in [[65_536], [60_000, 60_000, 60_000, 60_000, 60_000]] {
      var attributes = FileAttributes()
      attributes.extended = sizes.enumerated().map {
        ExtendedAttribute(
          name: Array("user.\($0.offset)".utf8), value: [UInt8](repeating: 1, count: $0.element))
      }
      for path in ["", "file"] {
        var tree = ImageTree(limits: ImageLimits())
        let error = #expect(throws: ImageFault.self) {
          try tree.put(ImageNode(.directory, attributes), at: Array(path.utf8))
        }
        #expect(error?.what.contains("bytes of extended attributes") == true)
      }
    }
  }

  /// The list of an archive's files is kept as long as the image is made.
  @Test func archivesWithMuchBesideAnImage() throws {
    var limits = ImageLimits()
    limits.members = 20_000
    for (tar, text) in [
      (tar { for n in 0..<500 { $0.add("\(n)") } }, "too many files"),
      (
        tar { for n in 0..<50 { $0.add("\(n)", .symbolicLink, target: String(repeating: "t", count: 500)) } },
        "too many files"
      ),
      (tar { $0.add(String(repeating: "long/", count: 1000)) }, "has a path of more than 4096 bytes"),
      (
        tar { $0.add("a", .hardLink, target: String(repeating: "long/", count: 1000)) },
        "has a path of more than 4096 bytes"
      ),
    ] {
      let sandbox = try Sandbox()
      try sandbox.write(tar.bytes + SampleImage([TarWriter()]).saved().finished, "saved.tar")
      let error = #expect(throws: Diagnostic.self) {
        try sandbox.resolve("docker-archive:\(sandbox.path)/saved.tar", limits: limits)
      }
      #expect(
        error?.status == .badInput && error?.what.contains(text) == true, "\(String(describing: error))")
    }
  }

  private final class Endless: ByteSource {
    private var rest = 1 << 24
    func read(into buffer: inout MutableSpan<UInt8>) throws(ImageFault) -> Int {
      rest -= buffer.count
      guard rest > 0 else { throw .bad("read to no end") }
      return buffer.count
    }
  }

  @Test func moreThanWasAnnouncedIsNotRead() throws {
    let bytes = DigestedBytes(Endless(), announced: 100_000)
    try bytes.drain()
    #expect(bytes.count > 100_000)
    let blob = Blob(digest: String(repeating: "0", count: 64), size: 100_000)
    #expect(throws: ImageFault.bad("it does not have the digest sha256:\(blob.digest)")) {
      try blob.check(bytes, name: "it")
    }
  }

  /// A layer with its digest that is not the one of the configuration would be another image under the same name.
  @Test func layersThatAreNotTheConfigurations() throws {
    let sandbox = try Sandbox()
    let (good, other) = (tar { $0.add("good") }, tar { $0.add("evil") })
    let sample = SampleImage([good])
    var mixed = SampleImage([other])
    mixed.layers = [other.finished]
    var files = try mixed.layout()
    let (wanted, found) = (sample.configuration, mixed.configuration)
    files["blobs/sha256/\(SHA256.hexadecimal(of: wanted))"] = wanted
    let manifest = try #require(
      files.first { $0.key.hasPrefix("blobs") && $0.value.starts(with: Array(#"{"schema"#.utf8)) })
    let text = String(decoding: manifest.value, as: UTF8.self)
      .replacingOccurrences(of: SHA256.hexadecimal(of: found), with: SHA256.hexadecimal(of: wanted))
    files["blobs/sha256/\(SHA256.hexadecimal(of: Array(text.utf8)))"] = Array(text.utf8)
    files["index.json"] = Array(
      #"{"manifests":[{"digest":"sha256:\#(SHA256.hexadecimal(of: Array(text.utf8)))","size":\#(text.utf8.count)}]}"#
        .utf8)
    try sandbox.write(files, to: "layout")
    let error = #expect(throws: Diagnostic.self) { try sandbox.resolve("oci:\(sandbox.path)/layout") }
    #expect(error?.what.contains("does not unpack to the digest") == true, "\(String(describing: error))")
  }

  @Test func documentsThatAreNot() throws {
    try expectRefusal("index.json is missing") { files, _ in files["index.json"] = nil }
    try expectRefusal("index.json is not JSON") { files, _ in files["index.json"] = Array("{".utf8) }
    try expectRefusal("it has no image") { files, _ in files["index.json"] = Array(#"{"manifests":[]}"#.utf8)
    }
    try expectRefusal("has no digest") { files, _ in
      files["index.json"] = Array(#"{"manifests":[{"size":1}]}"#.utf8)
    }
    try expectRefusal("not of SHA-256") { files, _ in
      files["index.json"] = Array(#"{"manifests":[{"digest":"md5:0","size":1}]}"#.utf8)
    }
    try expectRefusal("is no digest") { files, _ in
      files["index.json"] = Array(#"{"manifests":[{"digest":"sha256:../../../etc/passwd","size":1}]}"#.utf8)
    }
    try expectRefusal("longer than") { files, _ in
      files["index.json"] = Array(repeating: 0x20, count: 5 << 20)
    }
    try expectRefusal("does not have the digest") { files, sample in
      files["blobs/sha256/\(sample.digest.dropFirst(7))", default: []][5] ^= 1
    }
  }

  @Test func imagesOfOtherMachines() throws {
    let sandbox = try Sandbox()
    var sample = SampleImage([TarWriter()])
    sample.architecture = "s390x"
    try sandbox.write(sample.layout(), to: "layout")
    let error = #expect(throws: Diagnostic.self) { try sandbox.resolve("oci:\(sandbox.path)/layout") }
    #expect(error?.what == "the image is for linux/s390x")
  }
}
