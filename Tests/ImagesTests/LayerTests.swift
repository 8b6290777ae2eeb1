import ArchiveFakes
import Foundation
import Testing

@testable import Images

/// Layers upon one another, as erofs-utils find them in the image.
struct LayerTests {
  @Test(arguments: SampleImage.Packing.allCases)
  func filesComeAsTheyAre(_ packing: SampleImage.Packing) throws {
    let sandbox = try Sandbox()
    var tar = TarWriter()
    tar.add(directory: "./", mode: 0o700)
    // As umoci names the root.
    tar.add(directory: "/", mode: 0o751)
    tar.add(directory: "etc/", mode: 0o700, owner: 7)
    tar.add("etc/small", .file, "small", mode: 0o4750, owner: 12, group: 70_000)
    tar.add("etc/block", .file, String(repeating: "b", count: 4096))
    tar.add("etc/large", .file, String(repeating: "0123456789", count: 100_001))
    tar.add("etc/empty")
    tar.add("etc/link", .symbolicLink, target: "../etc/small")
    tar.add("null", .characterDevice, mode: 0o666, device: (1, 3))
    tar.add("sda", .blockDevice, device: (8, 300))
    tar.add("pipe", .pipe)
    let view = try sandbox.image(tar, packing: packing)
    #expect(
      view.paths == [
        "etc", "etc/block", "etc/empty", "etc/large", "etc/link", "etc/small", "null", "pipe", "sda",
      ])
    #expect(try view.contents("etc/small") == "small")
    #expect(try view.contents("etc/block") == String(repeating: "b", count: 4096))
    #expect(try view.contents("etc/large") == String(repeating: "0123456789", count: 100_001))
    #expect(try view.contents("etc/empty") == "")
    #expect(try view.target("etc/link") == "../etc/small")
    let small = try view.details("etc/small")
    #expect(small.contains("Uid: 12   Gid: 70000  Access: 0750/"), "\(small)")
    #expect(small.contains("Timestamp: 2001-09-09 01:46:40.000000000"), "\(small)")
    #expect(try view.details("etc").contains("Uid: 7   Gid: 0  Access: 0700/rwx"))
    #expect(try view.details("").contains("Access: 0751/"))
    #expect(try view.details("null").contains("char dev"))
    #expect(try view.details("sda").contains("block dev"))
    #expect(try view.details("pipe").contains("FIFO"))
  }

  @Test func whiteoutsTakeAwayWhatLayersBeforeHave() throws {
    let sandbox = try Sandbox()
    var (lower, upper) = (TarWriter(), TarWriter())
    lower.add(directory: "d")
    for name in [
      "d/gone", "d/gone-too", "gone-too", "d/kept", "tree/deep/gone", "opaque/gone", "opaque/sub/gone",
      "mixed/gone",
    ] {
      lower.add(name, .file, "lower")
    }
    upper.add("d/.wh.gone")
    // Directories' names may end in a slash.
    upper.add(directory: "d/.wh.gone-too/")
    upper.add(directory: ".//.wh.gone-too/.")
    upper.add(".wh.tree")
    // The mark of an opaque directory counts for what was before this layer, wherever in the layer it is.
    upper.add("opaque/new", .file, "upper")
    upper.add("opaque/sub/new", .file, "upper")
    upper.add("opaque/.wh..wh..opq")
    upper.add("opaque/later", .file, "upper")
    // A whiteout leaves what its own layer has under the name.
    upper.add("mixed/new", .file, "upper")
    upper.add(".wh.mixed")
    upper.add(".wh..wh.plnk/1")
    upper.add(".wh.nothing")
    let view = try sandbox.image(lower, upper)
    #expect(
      view.paths == [
        "d", "d/kept", "mixed", "mixed/new", "opaque", "opaque/later", "opaque/new", "opaque/sub",
        "opaque/sub/new",
      ])
  }

  @Test func laterLayersReplace() throws {
    let sandbox = try Sandbox()
    var (lower, upper) = (TarWriter(), TarWriter())
    lower.add("file", .file, "lower")
    lower.add("file-to-directory", .file, "lower")
    lower.add("directory-to-file/inner", .file, "lower")
    lower.add(directory: "directory", mode: 0o755)
    lower.add("directory/kept", .file, "lower")
    upper.add("file", .file, "upper", mode: 0o600)
    upper.add("file-to-directory/inner", .file, "upper")
    upper.add("directory-to-file", .file, "upper")
    upper.add(directory: "directory", mode: 0o711)
    let view = try sandbox.image(lower, upper)
    #expect(
      view.paths == [
        "directory", "directory-to-file", "directory/kept", "file", "file-to-directory",
        "file-to-directory/inner",
      ])
    #expect(try view.contents("file") == "upper")
    #expect(try view.details("directory").contains("Access: 0711/"))
  }

  @Test func hardLinksReachAcrossLayers() throws {
    let sandbox = try Sandbox()
    var (lower, upper) = (TarWriter(), TarWriter())
    lower.add("a", .file, String(repeating: "x", count: 5000))
    lower.add("b", .hardLink, target: "a")
    lower.add("c", .file, "c")
    lower.add("d", .hardLink, target: "./c")
    upper.add("dir/e", .hardLink, target: "a")
    // What replaces one name leaves the file under the other.
    upper.add("c", .file, "new")
    let view = try sandbox.image(lower, upper)
    #expect(try view.contents("dir/e") == String(repeating: "x", count: 5000))
    #expect(try view.details("a").contains("Links: 3 "))
    #expect(try view.details("a") == view.details("dir/e"))
    #expect(try view.contents("c") == "new")
    #expect(try view.contents("d") == "c")
    #expect(try view.details("d").contains("Links: 1 "))
  }

  /// As a container's own root would: what a link in the image leads to is in the image.
  @Test func linksOfDirectoriesAreFollowedInTheImage() throws {
    let sandbox = try Sandbox()
    var (lower, upper) = (TarWriter(), TarWriter())
    lower.add(directory: "usr/lib")
    lower.add("lib", .symbolicLink, target: "usr/lib")
    lower.add("absolute", .symbolicLink, target: "/etc/target")
    lower.add("usr/up", .symbolicLink, target: "../../../etc")
    upper.add("lib/new", .file, "upper")
    upper.add("usr/up/above", .file, "above")
    upper.add("absolute/passwd", .file, "in the image")
    let view = try sandbox.image(lower, upper)
    #expect(try view.contents("usr/lib/new") == "upper")
    #expect(try view.contents("etc/target/passwd") == "in the image")
    #expect(try view.target("lib") == "usr/lib")
    #expect(try view.contents("etc/above") == "above")
  }

  @Test func longNamesAndStrangeOnesAreKept() throws {
    let sandbox = try Sandbox()
    var tar = TarWriter()
    let long = String(repeating: "n", count: 255)
    let deep = (0..<14).map { _ in long }.joined(separator: "/")
    let target = String(repeating: "t/", count: 2000)
    tar.add("\(deep)/file", .file, "deep")
    tar.add("link", .symbolicLink, target: target)
    tar.add("cafe\u{301} \n\"\\", .file, "decomposed", pax: [("path", Array("cafe\u{301} \n\"\\".utf8))])
    tar.add("not-utf8", .file, "bytes", pax: [("path", Array("b".utf8) + [0xff, 0x80])])
    let view = try sandbox.image(tar)
    #expect(try view.target("link") == target)
    let listing = String(
      decoding: try Sandbox.run("dump.erofs", "--ls", "--path=/", view.image).map {
        $0 == 0xff ? 0x23 : $0 & 0x7f
      },
      as: UTF8.self)
    #expect(listing.contains("  b#\0\n"), "\(listing)")
    #expect(try view.contents("cafe\u{301} \n\"\\") == "decomposed")
    #expect(try view.details("\(deep)/file").contains("Size: 4 "))
  }

  @Test func directoriesMayHaveManyEntries() throws {
    let sandbox = try Sandbox()
    var tar = TarWriter()
    let names = (0..<3000).map { "many/\($0)-\(String(repeating: "x", count: $0 % 50))" }.sorted()
    for name in names { tar.add(name) }
    #expect(try sandbox.image(tar).paths == ["many"] + names)
  }

  /// Holes take no room, neither in the archive nor in the image.
  @Test func sparseFilesStaySparse() throws {
    let sandbox = try Sandbox()
    for format in ["--format=pax", "--format=gnu"] {
      try Sandbox.run(
        "sh", "-c",
        """
        cd \(sandbox.path) && rm -rf in && mkdir in && truncate -s 64M in/sparse && printf end >> in/sparse &&
          printf middle | dd of=in/sparse bs=1M seek=32 conv=notrunc status=none && tar \(format) -S -C in -cf in.tar .
        """)
      let image = try sandbox.resolve("\(sandbox.path)/in.tar")
      let view = try ErofsView(image.path, in: sandbox)
      let (expected, found) = (try sandbox.read("in/sparse"), Array(try view.contents("sparse").utf8))
      #expect(found.count == 64 << 20 + 3 || found == expected)
      #expect(found == expected)
      #expect(try sandbox.store.list().allSatisfy { $0.size < 1 << 20 }, "\(format)")
    }
  }

  /// What a later layer replaces takes no room in the image.
  @Test func replacedContentsTakeNoRoom() throws {
    let sandbox = try Sandbox()
    var (lower, upper) = (TarWriter(), TarWriter())
    lower.add("kept", .file, String(repeating: "k", count: 5 << 20))
    lower.add("large", .file, String(repeating: "l", count: 20 << 20))
    lower.add("after", .file, String(repeating: "a", count: 5 << 20))
    upper.add("large", .file, "small")
    let view = try sandbox.image(lower, upper)
    #expect(try sandbox.store.list().first.map { $0.size < 11 << 20 } == true)
    #expect(try view.contents("kept") == String(repeating: "k", count: 5 << 20))
    #expect(try view.contents("after") == String(repeating: "a", count: 5 << 20))
    #expect(try view.contents("large") == "small")
  }

  /// As bsdtar writes them: raw, and in base64.
  @Test func attributesThatAreSaidTwiceAreThereOnce() throws {
    var tar = TarWriter()
    tar.add(
      "file",
      pax: [
        ("SCHILY.xattr.user.one", Array("value".utf8)), ("LIBARCHIVE.xattr.user.one", Array("dmFsdWU".utf8)),
        ("SCHILY.xattr.user.two", Array("other".utf8)),
      ])
    let archive = try Archive(.tar, of: MemoryBytes(tar.finished), name: "it")
    let attributes = try #require(try archive.next()).attributes
    #expect(Set(attributes.map { String(decoding: $0.name, as: UTF8.self) }) == ["user.one", "user.two"])
    #expect(attributes.count == 2)
    #expect(Set(attributes.map { String(decoding: $0.value, as: UTF8.self) }) == ["value", "other"])
  }
}
