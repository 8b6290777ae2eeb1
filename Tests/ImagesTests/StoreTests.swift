import ArchiveFakes
import Configuration
import Digests
import Foundation
import Testing

@testable import Images

/// The forms that images come in.
struct StoreTests {
  // MARK: Forms

  /// However an image comes, it is one image.
  @Test func everyFormGivesTheSameImage() throws {
    let sandbox = try Sandbox()
    let (path, sample) = (sandbox.path, SampleImage.ofOneFile())
    try sandbox.write(sample.layout(.gzip, tag: "v1"), to: "layout")
    try sandbox.write(sample.saved("name:1").finished, "saved.tar")
    try Sandbox.run("tar", "-C", "\(path)/layout", "-cf", "\(path)/layout.tar", ".")
    try Sandbox.run("gzip", "-k", "\(path)/saved.tar")
    try Sandbox.run("zstd", "-q", "\(path)/layout.tar")
    let references = [
      "oci:\(path)/layout", "oci:\(path)/layout:v1", "\(path)/layout", "docker-archive:\(path)/saved.tar",
      "docker-archive:\(path)/saved.tar:name:1", "docker-archive:\(path)/saved.tar.gz", "\(path)/saved.tar",
      "\(path)/saved.tar.gz", "oci-archive:\(path)/layout.tar", "oci-archive:\(path)/layout.tar:v1",
      "\(path)/layout.tar", "\(path)/layout.tar.zst",
    ]
    for reference in references {
      let image = try sandbox.resolve(reference)
      #expect(image.digest == sample.digest, "\(reference)")
      #expect(try ErofsView(image.path, in: sandbox).contents("file") == "contents")
    }
    #expect(sandbox.stored == ["\(sample.digest.dropFirst(7))", "names"])
    #expect(try sandbox.store.list().map(\.source) == [references[0]])
  }

  @Test func configurationIsRead() throws {
    let sandbox = try Sandbox()
    var sample = SampleImage.ofOneFile()
    sample.config = """
      {"User":"www:33","ExposedPorts":{"80/tcp":{},"53/udp":null,"odd":{}},"Env":["A=b","C=d=e","odd"],
       "Entrypoint":["/bin/x","-a"],"Cmd":null,"WorkingDir":"srv","StopSignal":"SIGQUIT","Labels":{"x":"y"}}
      """
    try sandbox.write(sample.layout(), to: "layout")
    var config = ImageConfig()
    config.user = "www:33"
    config.exposedPorts = [
      ExposedPort(number: 53, transport: .udp), ExposedPort(number: 80, transport: .tcp),
    ]
    config.environment = ["A=b", "C=d=e"]
    config.entrypoint = ["/bin/x", "-a"]
    config.workingDirectory = "/srv"
    config.stopSignal = "SIGQUIT"
    #expect(try sandbox.resolve("oci:\(sandbox.path)/layout").config == config)
    // The second time it comes from the store.
    #expect(try sandbox.resolve("oci:\(sandbox.path)/layout").config == config)
  }

  @Test func theOneForThisHostIsChosen() throws {
    let sandbox = try Sandbox()
    let right = SampleImage.ofOneFile("right")
    var wrong = SampleImage.ofOneFile("wrong")
    wrong.architecture = "s390x"
    var files: [String: [UInt8]] = [:]
    var manifests: [String] = []
    for image in [wrong, right] {
      let layout = try image.layout()
      let index = try JSONDecoder().decode(
        Documents.IndexOrManifest.self, from: Data(try #require(layout["index.json"])))
      let manifest = try #require(index.manifests?.first)
      files.merge(layout) { first, _ in first }
      manifests.append(
        #"{"digest":"\#(manifest.digest)","size":\#(manifest.size),"platform":{"os":"linux","architecture":"\#(image.architecture)"}}"#
      )
    }
    let unknown =
      #"{"digest":"sha256:\#(String(repeating: "0", count: 64))","size":1,"platform":{"os":"unknown","architecture":"unknown"}}"#
    let inner = Array(#"{"manifests":[\#((unknown + "," + manifests.joined(separator: ",")))]}"#.utf8)
    let digest = SHA256.hexadecimal(of: inner)
    files["blobs/sha256/\(digest)"] = inner
    files["index.json"] = Array(
      #"{"manifests":[{"digest":"sha256:\#(digest)","size":\#(inner.count)}]}"#.utf8)
    try sandbox.write(files, to: "layout")
    #expect(try sandbox.resolve("oci:\(sandbox.path)/layout").digest == right.digest)
  }

  @Test func severalImagesWantAName() throws {
    let sandbox = try Sandbox()
    try sandbox.write(SampleImage.ofOneFile().saved("a:1").finished, "saved.tar")
    let wrong = #expect(throws: Diagnostic.self) {
      try sandbox.resolve("docker-archive:\(sandbox.path)/saved.tar:b")
    }
    #expect(wrong?.mend == "there are a:1")
    let one = try SampleImage.ofOneFile().layout(tag: "one")
    let two = try SampleImage.ofOneFile("other").layout(tag: "two")
    func entries(_ files: [String: [UInt8]]) -> String {
      String(String(decoding: files["index.json"] ?? [], as: UTF8.self).split(separator: "[")[1].dropLast(2))
    }
    try sandbox.write(one, to: "layout")
    try sandbox.write(two, to: "layout")
    try sandbox.write(Array(#"{"manifests":[\#(entries(one)),\#(entries(two))]}"#.utf8), "layout/index.json")
    let several = #expect(throws: Diagnostic.self) { try sandbox.resolve("oci:\(sandbox.path)/layout") }
    #expect(several?.what == "there are several images (one, two)")
    #expect(
      try sandbox.resolve("oci:\(sandbox.path)/layout:two").digest == SampleImage.ofOneFile("other").digest)
  }

  /// A tar archive of files is an image as it is; names that begin with .wh. are names in it.
  @Test func archivesOfFilesAreImages() throws {
    let sandbox = try Sandbox()
    var tar = TarWriter()
    tar.add("etc/.wh.name", .file, "a file")
    try sandbox.write(tar.finished, "files.tar")
    let first = try sandbox.resolve("\(sandbox.path)/files.tar")
    #expect(try ErofsView(first.path, in: sandbox).contents("etc/.wh.name") == "a file")
    #expect(try sandbox.resolve("\(sandbox.path)/files.tar").digest == first.digest)
    // Another archive under the name takes the first one's place.
    tar.add("more", .file, "more")
    try sandbox.write(tar.finished, "files.tar")
    let second = try sandbox.resolve("\(sandbox.path)/files.tar")
    #expect(try ErofsView(second.path, in: sandbox).contents("more") == "more")
    #expect(first.digest != second.digest)
  }

  /// What is in an archive may look like a file system.
  @Test func archivesAreNoDiskImages() throws {
    let sandbox = try Sandbox()
    var tar = TarWriter()
    tar.add("file", .file, String(repeating: "x", count: 1024))
    var bytes = tar.finished
    bytes.replaceSubrange(1080..<1082, with: [0x53, 0xef])
    try sandbox.write(bytes, "files.tar")
    // A comment of gzip's, from byte 10 on.
    var packed = try SampleImage.pack(tar.finished, .gzip)
    var comment = [UInt8](repeating: 0x20, count: 2000)
    comment.replaceSubrange(1070..<1072, with: [0x53, 0xef])
    packed[3] = 0x10
    packed.insert(contentsOf: comment + [0], at: 10)
    try sandbox.write(packed, "files.tar.gz")
    for name in ["files.tar", "files.tar.gz"] {
      let image = try sandbox.resolve("\(sandbox.path)/\(name)")
      #expect(image.format == .erofs && image.digest != nil, "\(name)")
    }
  }

  @Test func diskImagesAreUsedWhereTheyAre() throws {
    let sandbox = try Sandbox()
    try FileManager.default.createDirectory(atPath: "\(sandbox.path)/root", withIntermediateDirectories: true)
    try Sandbox.run("mkfs.erofs", "\(sandbox.path)/x.img", "\(sandbox.path)/root")
    try Sandbox.run("mke2fs", "-q", "-t", "ext4", "\(sandbox.path)/y.img", "1M")
    for (name, format) in [("x.img", FileSystemFormat.erofs), ("y.img", .ext4)] {
      let image = try sandbox.resolve("\(sandbox.path)/\(name)")
      #expect(image.path == "\(sandbox.path)/\(name)")
      #expect(image.format == format)
      #expect(image.config == ImageConfig() && image.digest == nil)
    }
    #expect(sandbox.stored == [])
  }

  @Test func whatIsNoImageIsTold() throws {
    let sandbox = try Sandbox()
    try sandbox.write([], "empty")
    try sandbox.write(Array("QFI\u{fb}".utf8), "qcow2")
    try sandbox.write([0x1f, 0x8b, 8, 0, 0], "broken.gz")
    try Sandbox.run("sh", "-c", "echo text | gzip > \(sandbox.path)/text.gz; mkfifo \(sandbox.path)/pipe")
    let cases: [(String, Configuration.ExitStatus, String)] = [
      ("missing", .noInput, "no such image"), ("empty", .badInput, "not an image"),
      ("qcow2", .badInput, "not an image"),
      ("broken.gz", .badInput, "the archive is no tar archive"),
      ("text.gz", .badInput, "the archive is no tar archive"),
      ("pipe", .noInput, "neither a directory nor a file"),
    ]
    for (name, status, what) in cases {
      let error = #expect(throws: Diagnostic.self) { try sandbox.resolve("\(sandbox.path)/\(name)") }
      #expect(error?.status == status && error?.what.hasPrefix(what) == true, "\(String(describing: error))")
    }
    #expect(sandbox.stored == [])
  }

  // MARK: Directories

  @Test func directoriesAreReadAndReadAgainWhenTheyChange() throws {
    let sandbox = try Sandbox()
    let root = "\(sandbox.path)/root"
    try Sandbox.run(
      "sh", "-c",
      """
      mkdir -p \(root)/etc && cd \(root) && echo one > etc/file && ln etc/file hard && ln -s etc/file soft && mkfifo pipe &&
        chmod 4711 etc/file && truncate -s 32M sparse && printf x >> sparse
      """)
    let first = try sandbox.resolve(root)
    let view = try ErofsView(first.path, in: sandbox)
    #expect(view.paths == ["etc", "etc/file", "hard", "pipe", "soft", "sparse"])
    #expect(try view.contents("hard") == "one\n")
    #expect(try view.details("hard").contains("Links: 2 "))
    #expect(try view.details("hard").contains("Uid: 0   Gid: 0  Access: 0711/"))
    #expect(try view.target("soft") == "etc/file")
    #expect(try view.details("sparse").contains("Size: 33554433 "))
    let made = try sandbox.store.list()
    #expect(made.first.map { $0.size < 1 << 20 } == true)
    #expect(try sandbox.resolve(root).digest == first.digest)
    #expect(try sandbox.store.list().map(\.created) == made.map(\.created))

    // Of the same length and, as far as a person can tell, of the same time.
    try Sandbox.run(
      "sh", "-c",
      "cd \(root) && touch -r etc/file mark && echo two > etc/file && touch -r mark etc/file && rm mark")
    let second = try sandbox.resolve(root)
    #expect(try ErofsView(second.path, in: sandbox).contents("hard") == "two\n")
    // The first is in use yet; when it is not, the next change takes it away.
    #expect(try sandbox.store.list().count == 2)
  }

  /// As where the image is a person's own directory: what is made there is not of it.
  @Test func theStoreIsNoPartOfADirectory() throws {
    let sandbox = try Sandbox()
    try sandbox.write([1], "file")
    let digests = try (0..<2).map { _ in try sandbox.resolve(sandbox.path).digest }
    #expect(digests[0] == digests[1])
    #expect(try ErofsView(sandbox.resolve(sandbox.path).path, in: sandbox).paths == ["file"])
  }

  @Test func whatADirectoryWasIsNotKept() throws {
    let sandbox = try Sandbox()
    try sandbox.write([1], "root/a")
    _ = try sandbox.resolve("\(sandbox.path)/root")
    try sandbox.write([2], "root/b")
    let second = try sandbox.resolve("\(sandbox.path)/root")
    #expect(try sandbox.store.list().map(\.digest) == [second.digest])
  }
}

/// Images as other programs make them.
struct OtherProgramsTests {
  @Test(.enabled(if: Sandbox.has("umoci") && geteuid() == 0)) func umociMakesLayouts() throws {
    let sandbox = try Sandbox()
    try Sandbox.run(
      "sh", "-euc",
      """
      cd \(sandbox.path)
      umoci init --layout l; umoci new --image l:base
      umoci unpack --image l:base one; cd one/rootfs
      mkdir -p etc bin dir/sub; echo a > etc/a; ln etc/a etc/hard; echo x > dir/x; mknod null c 1 3; cd ../..
      umoci repack --image l:one one
      umoci unpack --image l:one two; cd two/rootfs
      rm -r dir null; mkdir dir; echo new > dir/new; ln etc/hard bin/cross; cd ../..
      umoci repack --image l:two two
      umoci config --image l:two --config.entrypoint /bin/sh --config.user 12:13 --config.env A=b --config.workingdir /etc
      """)
    let image = try sandbox.resolve("oci:\(sandbox.path)/l:two")
    #expect(image.config.entrypoint == ["/bin/sh"] && image.config.user == "12:13")
    #expect(image.config.environment.contains("A=b") && image.config.workingDirectory == "/etc")
    let view = try ErofsView(image.path, in: sandbox)
    #expect(view.paths == ["bin", "bin/cross", "dir", "dir/new", "etc", "etc/a", "etc/hard"])
    #expect(try view.details("etc/a").contains("Links: 3 "))
    for form in ["docker-archive", "oci-archive"] {
      let archive = "\(form):\(sandbox.path)/\(form).tar"
      try Sandbox.run(
        "skopeo", "copy", "--insecure-policy", "-q", "oci:\(sandbox.path)/l:two", "\(archive):name:1")
      #expect(try sandbox.resolve(archive).digest == image.digest, "\(form)")
      #expect(try sandbox.resolve("\(archive):name:1").digest == image.digest, "\(form)")
    }
  }
}
