import ArchiveFakes
import CLinux
import Configuration
import Foundation
import LinuxSystem
import Testing

@testable import Images

/// What is kept, found again, and removed.
struct KeptImageTests {
  @Test func manyMakersMakeOneImage() async throws {
    let sandbox = try Sandbox()
    try sandbox.write(
      SampleImage.ofOneFile(String(repeating: "x", count: 3 << 20)).layout(.gzip), to: "layout")
    let (store, reference) = (sandbox.store, try ImageReference(parsing: "oci:\(sandbox.path)/layout"))
    let images = try await withThrowingTaskGroup(of: RunnableImage.self) { group in
      for _ in 0..<8 { group.addTask { try store.resolve(reference) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(images.map(\.path)).count == 1)
    #expect(sandbox.stored.count == 1, "\(sandbox.stored)")
    #expect(try ErofsView(images[0].path, in: sandbox).contents("file").utf8.count == 3 << 20)
  }

  /// Those who give up, and those who clear up, take nothing from the next one who makes the same.
  @Test func oneWhoRemovesDoesNotDisturbTheNext() throws {
    let sandbox = try Sandbox()
    let folder = sandbox.store.folder
    let made = (100..<200).map { "made-\($0)" }
    let found = Lock<Set<[String]>>([])
    let done = Latch(arrivals: 4)
    for _ in 0..<4 {
      Foundation.Thread.detachNewThread {
        for _ in 0..<20 {
          // Some come while another one removes, in the order of names, what they make in the other order.
          usleep(.random(in: 0...20_000))
          guard let workplace = try? Workplace("image", in: folder, progress: .silent) else { continue }
          for name in made.reversed() { _ = try? workplace.create(name) }
          let names = (try? FileDescriptor.names(in: workplace.path).map { "\($0)" }) ?? []
          found.withLock { _ = $0.insert(names) }
          workplace.giveUp()
          Workplace.removeAbandoned(in: folder)
        }
        done.arrive()
      }
    }
    done.wait()
    #expect(found.withLock { $0 } == [["lock"] + made])
    #expect(sandbox.stored == [])
  }

  @Test func whatWasInterruptedIsNoImage() throws {
    let sandbox = try Sandbox()
    let sample = SampleImage.ofOneFile()
    let digest = sample.digest.dropFirst(7)
    try sandbox.write(sample.layout(), to: "layout")
    try sandbox.write(sample.layout(), to: "store/\(digest).partial")
    try sandbox.write([], "store/\(digest).partial/lock")
    try sandbox.write([UInt8](repeating: 1, count: 9000), "store/\(digest).partial/root.erofs")
    try sandbox.write([1], "store/registry-1.partial/layout/blobs/x")
    try sandbox.write([1], "store/removed-1-1.partial/layout/blobs/x")
    #expect(try sandbox.store.list() == [])
    let image = try sandbox.resolve("oci:\(sandbox.path)/layout")
    #expect(try ErofsView(image.path, in: sandbox).contents("file") == "contents")
    #expect(sandbox.stored == ["\(digest)"])
    // One that somebody works at is left alone.
    try sandbox.write([1], "store/other.partial/lock")
    let lock = try FileDescriptor(opening: "\(sandbox.path)/store/other.partial/lock", O_RDWR)
    try lock.lock(exclusively: true)
    _ = try sandbox.store.prune(unusedFor: 1000)
    #expect(sandbox.stored.contains("other.partial"))
  }

  @Test func attributesOfFilesAreRead() throws {
    let sandbox = try Sandbox()
    try sandbox.write([1], "file")
    let file = try FileDescriptor(opening: "\(sandbox.path)/file", O_RDONLY)
    let sizes = ["user.a": 1, "user.empty": 0, "user.long": 3000]
    for (name, size) in sizes {
      try #require(setxattr("\(sandbox.path)/file", name, [UInt8](repeating: 7, count: size), size, 0) == 0)
    }
    let found = try file.extendedAttributes().filter { $0.name.starts(with: "user.".utf8) }
    #expect(found.allSatisfy { $0.value.allSatisfy { $0 == 7 } })
    #expect(
      Dictionary(
        uniqueKeysWithValues: found.map { (String(decoding: $0.name, as: UTF8.self), $0.value.count) })
        == sizes)
  }

  @Test func foldersAreMadeWhereTheyAreNot() throws {
    let sandbox = try Sandbox()
    for path in ["a", "a/b/c/", "a//b/c/d/./e", "a/b"] {
      try FileDescriptor.makeFolders("\(sandbox.path)/\(path)")
      #expect(try FileDescriptor(namingDirectory: "\(sandbox.path)/\(path)").details().isDirectory)
    }
    try sandbox.write([1], "a/file")
    for (path, code) in [("a/file", EEXIST), ("a/file/b", ENOTDIR), ("", ENOENT)] {
      let error = #expect(throws: SystemError.self) {
        try FileDescriptor.makeFolders(path.isEmpty ? "" : "\(sandbox.path)/\(path)")
      }
      #expect(error?.code == code)
    }
    // Where nothing can be made.
    #expect(throws: SystemError.self) { try FileDescriptor.makeFolders("/proc/nowhere/a") }
  }

  @Test func whatIsDamagedIsMadeAgain() throws {
    let sandbox = try Sandbox()
    let sample = SampleImage.ofOneFile()
    try sandbox.write(sample.layout(), to: "layout")
    for damage in ["root.erofs", "image.json"] {
      _ = try sandbox.resolve("oci:\(sandbox.path)/layout")
      try sandbox.write([1], "store/\(sample.digest.dropFirst(7))/\(damage)")
      let image = try sandbox.resolve("oci:\(sandbox.path)/layout")
      #expect(try ErofsView(image.path, in: sandbox).contents("file") == "contents")
      #expect(sandbox.stored == ["\(sample.digest.dropFirst(7))"])
    }
  }

  @Test func whatIsInUseStays() throws {
    let sandbox = try Sandbox()
    try sandbox.write(SampleImage.ofOneFile().layout(), to: "layout")
    var image: RunnableImage? = try sandbox.resolve("oci:\(sandbox.path)/layout")
    let digest = try #require(image?.digest)
    let error = #expect(throws: Diagnostic.self) { try sandbox.store.remove(digest) }
    #expect(error?.what == "image in use")
    #expect(try sandbox.store.prune(unusedFor: 0) == [])
    #expect(try sandbox.store.list().map(\.digest) == [digest])
    image = nil
    #expect(try sandbox.store.prune(unusedFor: 1000) == [])
    #expect(try sandbox.store.prune(unusedFor: 0).map(\.digest) == [digest])
    #expect(sandbox.stored == [])
  }

  /// The file system's UUID.
  @Test func fileSystemsAreCalledByTheirDigests() throws {
    let sandbox = try Sandbox()
    try sandbox.write(SampleImage.ofOneFile().layout(), to: "layout")
    let image = try sandbox.resolve("oci:\(sandbox.path)/layout")
    let identifier = try FileDescriptor(opening: image.path, O_RDONLY).bytes(count: 16, at: 1024 + 48)
    #expect(
      identifier.map { String(format: "%02x", $0) }.joined()
        == SampleImage.ofOneFile().digest.dropFirst(7).prefix(32))
  }

  @Test func digestsMayBeShort() throws {
    let sandbox = try Sandbox()
    try sandbox.write(SampleImage.ofOneFile().layout(), to: "layout")
    let digest = try #require(try sandbox.resolve("oci:\(sandbox.path)/layout").digest)
    #expect(try sandbox.store.digest(beginning: String(digest.prefix(12))) == digest)
    #expect(try sandbox.store.digest(beginning: String(digest.dropFirst(7).prefix(4))) == digest)
    for wrong in ["", "sha256:", "zz"] {
      #expect(throws: Diagnostic.self) { try sandbox.store.digest(beginning: wrong) }
    }
    try sandbox.store.remove(digest)
    #expect(throws: Diagnostic.self) { try sandbox.store.remove(digest) }
    #expect(sandbox.stored == [])
  }

  // MARK: Registries

  @Test func registriesAreAskedByWayOfSkopeo() throws {
    let sandbox = try Sandbox()
    let path = sandbox.path
    // To skopeo a path ends at its first colon.
    let store = ImageStore(folder: "\(path)/store/of:images")
    let reference = try ImageReference(parsing: "docker://example.org/name:1")
    try sandbox.write(SampleImage.ofOneFile().layout(.gzip), to: "layout")
    let skopeo = """
      #!/bin/sh
      echo "$@" >> \(path)/calls
      for last; do :; done
      [ -e \(path)/refuse ] && { echo "noise" >&2; echo "manifest unknown" >&2; exit 1; }
      place=${last#oci:}
      cp -r \(path)/layout "${place%%:*}"
      """
    try sandbox.write(Array(skopeo.utf8), "skopeo")
    try Sandbox.run("chmod", "755", "\(path)/skopeo")
    func resolve(_ pull: ImageStore.Pull, installed: Bool = true) throws -> String? {
      try store.resolve(reference, pull: pull, program: { installed ? "\(path)/\($0)" : nil }).digest
    }
    func stored() throws -> [String] { try FileDescriptor.names(in: store.folder).map { "\($0)" } }
    func calls() throws -> Int { try sandbox.read("calls").count { $0 == 0x0a } }
    let missing = #expect(throws: Diagnostic.self) { try resolve(.missing, installed: false) }
    #expect(missing?.mend == "apt-get install skopeo")
    #expect(throws: Diagnostic.self) { try resolve(.never) }
    #expect(try resolve(.missing) == SampleImage.ofOneFile().digest)
    #expect(try stored() == ["\(SampleImage.ofOneFile().digest.dropFirst(7))", "names"])
    #expect(try resolve(.missing, installed: false) == SampleImage.ofOneFile().digest)
    #expect(try resolve(.never) == SampleImage.ofOneFile().digest)
    #expect(try calls() == 1)
    #expect(try resolve(.always) == SampleImage.ofOneFile().digest)
    #expect(try calls() == 2)
    #expect(
      String(decoding: try sandbox.read("calls"), as: UTF8.self).contains(" docker://example.org/name:1 oci:")
    )
    try sandbox.write([], "no-program")
    let broken = #expect(throws: Diagnostic.self) {
      try store.resolve(reference, pull: .always, program: { _ in "\(path)/no-program" })
    }
    #expect(broken?.mend == "it cannot be executed")
    try sandbox.write([], "refuse")
    let refused = #expect(throws: Diagnostic.self) { try resolve(.always) }
    #expect(refused?.mend == "manifest unknown")
    #expect(try stored() == ["\(SampleImage.ofOneFile().digest.dropFirst(7))", "names"])
  }
}
