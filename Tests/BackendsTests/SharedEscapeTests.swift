import Foundation
import Glibc
import Testing

@testable import Backends
@testable import Devices
@testable import LinuxSystem

/// Ways out of a shared directory, each tried.
@Suite struct SharedEscapeTests {
  // MARK: One step

  /// The system call itself keeps to the directory, whatever a name would be.
  @Test func aStepNeverLeavesTheDirectory() throws {
    let fixture = try SharedFixture(
      prepare: "ln -s /etc/passwd share/abs; ln -s ../outside share/rel; ln -s . share/self; mkdir share/d")
    let root = try FileDescriptor(opening: fixture.folder.path + "/share", FileDescriptor.pathOnly)
    func code(_ path: String, _ flags: Int32 = O_RDONLY) -> Int32 {
      do throws(SystemError) {
        _ = try root.open(beneath: FileName(unchecked: Array(path.utf8)), flags)
        return 0
      } catch {
        return error.code
      }
    }
    #expect(code("d") == 0)
    for path in ["..", "../outside", "d/../../outside", "/", "/etc/passwd"] {
      #expect(code(path) == EXDEV)
      #expect(code(path, FileDescriptor.pathOnly) == EXDEV)
    }
    for path in ["abs", "rel", "self", "rel/secret", "self/d"] { #expect(code(path) == ELOOP) }
    for path in ["rel/secret", "self/d"] { #expect(code(path, FileDescriptor.pathOnly) == ELOOP) }
    // The link itself, to be read.
    #expect(code("abs", FileDescriptor.pathOnly) == 0)
  }

  @Test func otherMountsAreNotEntered() throws {
    let root = try SharedDirectory(path: "/", isReadOnly: true, limits: .init(descriptors: 100))
    let fixture = try SharedFixture()
    #expect(
      fixture.code { () throws(FuseError) in _ = try root.lookUp(fixture.name("proc"), in: .root) } == EXDEV)
  }

  @Test func magicLinksAreOnlyText() throws {
    let proc = try SharedDirectory(path: "/proc", isReadOnly: true, limits: .init(descriptors: 100))
    let fixture = try SharedFixture()
    let process = try proc.lookUp(fixture.name("\(getpid())"), in: .root).node
    for link in ["root", "cwd", "exe"] {
      let node = try proc.lookUp(fixture.name(link), in: process).node
      #expect(try proc.linkTarget(of: node).first == UInt8(ascii: "/"))
      #expect(fixture.code { () throws(FuseError) in _ = try proc.openDirectory(node) } == ENOTDIR)
      #expect(fixture.code { () throws(FuseError) in _ = try proc.open(node, FuseOpening()) } == ENXIO)
      #expect(
        fixture.code { () throws(FuseError) in _ = try proc.lookUp(fixture.name("etc"), in: node) } == ENOTDIR
      )
    }
    let descriptors = try proc.lookUp(fixture.name("fd"), in: process).node
    let first = try proc.lookUp(fixture.name("0"), in: descriptors).node
    #expect(fixture.code { () throws(FuseError) in _ = try proc.open(first, FuseOpening()) } == ENXIO)
    let directory = try FileDescriptor(opening: "/proc/self", FileDescriptor.pathOnly)
    #expect(throws: SystemError(call: "openat2", code: ELOOP)) {
      _ = try directory.open(beneath: FileName(unchecked: Array("root/etc".utf8)), FileDescriptor.pathOnly)
    }
  }

  // MARK: Symbolic links

  @Test func linksAreReadByTheGuestAndFollowedByNobody() throws {
    let fixture = try SharedFixture(
      prepare: "ln -s /etc/passwd share/abs; ln -s ../outside/secret share/rel; ln -s ../outside share/dir")
    for (link, target) in [("abs", "/etc/passwd"), ("rel", "../outside/secret"), ("dir", "../outside")] {
      let node = try fixture.find(link)
      #expect(try fixture.shared.details(of: node).isSymbolicLink)
      #expect(try fixture.shared.linkTarget(of: node) == Array(target.utf8))
      #expect(fixture.code { () throws(FuseError) in _ = try fixture.openToRead(node) } == ENXIO)
      #expect(fixture.code { () throws(FuseError) in _ = try fixture.openToWrite(node) } == ENXIO)
      #expect(fixture.code { () throws(FuseError) in _ = try fixture.shared.openDirectory(node) } == ENOTDIR)
      #expect(
        fixture.code { () throws(FuseError) in _ = try fixture.shared.lookUp(fixture.name("secret"), in: node)
        }
          == ENOTDIR)
    }
  }

  @Test func changesDoNotGoThroughLinks() throws {
    let fixture = try SharedFixture(
      prepare:
        "ln -s ../outside/secret share/link; ln -s ../outside/new share/dangling; chmod 644 outside/secret")
    let node = try fixture.find("link")
    var change = FuseChange()
    change.mode = 0o777
    #expect(fixture.refusal(node, change) != 0)
    change = FuseChange()
    change.size = 0
    #expect(fixture.refusal(node, change) != 0)
    change = FuseChange()
    change.modified = .at(FileDetails.Time(seconds: 1, nanoseconds: 0))
    _ = try fixture.shared.change(node, change)
    let outside = try FileDescriptor(opening: fixture.folder.path + "/outside/secret", O_RDONLY).details()
    #expect(outside.mode == 0o100644 && outside.modified.seconds > 1 && outside.size == 7)
    // Making a file where a link is, makes none where it points to.
    for exclusive in [false, true] {
      #expect(
        fixture.code { () throws(FuseError) in
          _ = try fixture.shared.create(
            fixture.name("dangling"), in: .root, mode: 0o644, SharedFixture.writing, isExclusive: exclusive)
        } == (exclusive ? EEXIST : ENXIO))
    }
    #expect(!fixture.exists("outside/new"))
    // A second name for the link is a link; for the file it points to there is none.
    let second = try fixture.shared.link(node, fixture.name("second"), in: .root)
    #expect(second.details.isSymbolicLink)
    #expect(
      try FileDescriptor(opening: fixture.folder.path + "/outside/secret", O_RDONLY).details().links == 1)
  }

  // MARK: The host, or another guest, changes what was found

  @Test func aDirectorySwappedForALinkIsNotEntered() throws {
    let fixture = try SharedFixture(prepare: "mkdir share/d; echo inside > share/d/secret")
    let directory = try fixture.find("d")
    let file = try fixture.find("d/secret")
    try fixture.shell("mv share/d share/old; ln -s ../outside share/d")
    fixture.letTimePass()
    for node in [directory, file] {
      #expect(fixture.code { () throws(FuseError) in _ = try fixture.shared.details(of: node) } == ESTALE)
    }
    #expect(fixture.code { () throws(FuseError) in _ = try fixture.openToRead(file) } == ESTALE)
    #expect(
      fixture.code { () throws(FuseError) in
        _ = try fixture.shared.lookUp(fixture.name("secret"), in: directory)
      }
        == ESTALE)
  }

  @Test func aFileSwappedForAnotherIsNotOpened() throws {
    let fixture = try SharedFixture(prepare: "echo first > share/f; echo first > share/g")
    let (first, second) = (try fixture.find("f"), try fixture.find("g"))
    try fixture.shell("rm share/f; ln -s ../outside/secret share/f; ln -f outside/secret share/g")
    for node in [first, second] {
      #expect(fixture.code { () throws(FuseError) in _ = try fixture.openToRead(node) } == ESTALE)
      #expect(
        fixture.code { () throws(FuseError) in _ = try fixture.shared.link(node, fixture.name("x"), in: .root)
        } == ESTALE)
    }
    // What is there now, the guest gets when it looks again.
    #expect(try fixture.contentsAsGuest("g") == "secret\n")
  }

  @Test func whatIsMovedOutIsLost() throws {
    let fixture = try SharedFixture(
      prepare: "mkdir -p share/d/e; echo inside > share/d/e/f; echo x > share/d/open")
    let directory = try fixture.find("d")
    let inner = try fixture.find("d/e")
    let file = try fixture.find("d/e/f")
    let opened = try fixture.find("d/open")
    let list = try fixture.shared.openDirectory(inner)
    let handle = try fixture.openToRead(opened)
    try fixture.shell("mv share/d outside/d; echo later > outside/d/e/later")
    fixture.letTimePass()
    for node in [directory, inner, file] {
      #expect(fixture.code { () throws(FuseError) in _ = try fixture.shared.details(of: node) } == ESTALE)
    }
    for name in ["later", "f"] {
      #expect(
        fixture.code { () throws(FuseError) in _ = try fixture.shared.lookUp(fixture.name(name), in: inner) }
          == ESTALE)
    }
    var entries = FuseDirectoryList(hasNodes: false, limit: 4096)
    #expect(
      fixture.code { () throws(FuseError) in
        try fixture.shared.readDirectory(list, of: inner, from: 0, into: &entries)
      } == ESTALE)
    #expect(
      fixture.code { () throws(FuseError) in
        _ = try fixture.shared.make(.file(mode: 0o644), fixture.name("new"), in: inner)
      } == ESTALE)
    #expect(!fixture.exists("outside/d/e/new"))
    // As in any Unix, a file that is open stays open.
    #expect(try fixture.read(handle, of: opened) == "x\n")
    #expect(try fixture.shared.details(of: opened).size == 2)
  }

  // MARK: What must not be opened

  @Test func pipesSocketsAndDevicesAreOnlySeen() throws {
    let canMakeDevices = geteuid() == 0
    let fixture = try SharedFixture(
      prepare: "mkfifo share/fifo; \(canMakeDevices ? "mknod share/device c 1 3" : ":")")
    for name in ["fifo"] + (canMakeDevices ? ["device"] : []) {
      let watch = try OpenWatch(fixture.folder.path + "/share/" + name)
      defer { #expect(!watch.sawOpening) }
      let node = try fixture.find(name)
      #expect(try fixture.shared.details(of: node).mode & 0o170000 == (name == "fifo" ? 0o010000 : 0o020000))
      #expect(fixture.code { () throws(FuseError) in _ = try fixture.openToRead(node) } == ENXIO)
      #expect(fixture.code { () throws(FuseError) in _ = try fixture.openToWrite(node) } == ENXIO)
      #expect(
        fixture.code { () throws(FuseError) in
          _ = try fixture.shared.create(
            fixture.name(name), in: .root, mode: 0o644, SharedFixture.writing, isExclusive: false)
        } == ENXIO)
      var change = FuseChange()
      change.mode = 0o600
      #expect(fixture.refusal(node, change) == ENXIO)
    }
  }

  /// A guest moves a pipe to where a file was that it knows.
  @Test func aPipeInTheFilesPlaceIsNotOpened() throws {
    let fixture = try SharedFixture(prepare: "mkfifo share/pipe; echo x > share/file")
    let file = try fixture.find("file")
    try fixture.find("pipe")
    try fixture.shared.rename(fixture.name("pipe"), in: .root, to: fixture.name("file"), in: .root, flags: 0)
    let watch = try OpenWatch(fixture.folder.path + "/share/file")
    #expect(fixture.code { () throws(FuseError) in _ = try fixture.openToRead(file) } == ESTALE)
    #expect(!watch.sawOpening, "opened, if only for a moment")
  }
}

/// Notices whenever a file is opened, though not by O_PATH (inotify(7)).
private final class OpenWatch {
  private let inotify: Int32

  init(_ path: String) throws {
    inotify = inotify_init1(Int32(IN_NONBLOCK))
    try #require(inotify >= 0 && inotify_add_watch(inotify, path, UInt32(IN_OPEN)) >= 0)
  }

  deinit { close(inotify) }

  var sawOpening: Bool {
    var events = [UInt8](repeating: 0, count: 4096)
    return Glibc.read(inotify, &events, events.count) > 0
  }
}
