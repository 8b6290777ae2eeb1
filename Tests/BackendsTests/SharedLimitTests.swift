import Foundation
import LinuxSystem
import Testing

@testable import Backends
@testable import Devices

/// What a guest can take up, and numbers it has made up.
@Suite struct SharedLimitTests {
  static func openDescriptors() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
  }

  @Test func manyNodesTakeFewDescriptors() throws {
    let fixture = try SharedFixture(
      prepare: "cd share; mkdir d; for i in $(seq 300); do echo $i > d/$i; done", descriptors: 40)
    var nodes: [FuseNode] = []
    for number in 1...300 { nodes.append(try fixture.find("d/\(number)")) }
    #expect(fixture.shared.nodes.count == 302)
    #expect(fixture.shared.nodes.descriptorCount <= 20)
    for (index, node) in nodes.enumerated() where index % 7 == 0 {
      #expect(try fixture.shared.details(of: node).size == UInt64("\(index + 1)\n".utf8.count))
      let handle = try fixture.openToRead(node)
      #expect(try fixture.read(handle, of: node) == "\(index + 1)\n")
      fixture.shared.close(handle, of: node)
    }
    #expect(fixture.shared.nodes.descriptorCount <= 20)
    for number in nodes { fixture.shared.forget(number, count: 1) }
    fixture.shared.forget(try fixture.find("d"), count: 301 + 1)
    #expect(fixture.shared.nodes.count == 1)
    #expect(fixture.shared.nodes.descriptorCount == 0)
  }

  @Test func handlesAreBounded() throws {
    let fixture = try SharedFixture(prepare: "echo x > share/f; mkdir share/d", descriptors: 40)
    let (file, directory) = (try fixture.find("f"), try fixture.find("d"))
    var handles: [FuseHandle] = []
    for _ in 0..<20 { handles.append(try fixture.openToRead(file)) }
    #expect(fixture.code { () throws(FuseError) in _ = try fixture.openToRead(file) } == ENFILE)
    #expect(
      fixture.code { () throws(FuseError) in _ = try fixture.shared.openDirectory(directory) } == ENFILE)
    #expect(
      fixture.code { () throws(FuseError) in
        _ = try fixture.shared.create(
          fixture.name("new"), in: .root, mode: 0o644, SharedFixture.writing, isExclusive: false)
      } == ENFILE)
    #expect(!fixture.exists("share/new"))
    fixture.shared.close(handles[3], of: file)
    _ = try fixture.openToRead(file)
    fixture.shared.beginSession()
    #expect(fixture.shared.handleCount == 0 && fixture.shared.nodes.count == 1)
  }

  @Test func nodesAreBounded() throws {
    let fixture = try SharedFixture(prepare: "cd share; for i in 1 2 3 4 5; do echo $i > $i; done", nodes: 4)
    for number in 1...3 { try fixture.find("\(number)") }
    #expect(fixture.code { () throws(FuseError) in try fixture.find("4") } == ENFILE)
    #expect(
      fixture.code { () throws(FuseError) in
        _ = try fixture.shared.make(.directory(mode: 0o755), fixture.name("new"), in: .root)
      } == ENFILE)
    #expect(!fixture.exists("share/new"))
    try fixture.find("1")
    // A list goes on without the nodes.
    let list = try fixture.shared.openDirectory(.root)
    var entries = FuseDirectoryList(hasNodes: true, limit: 4096)
    try fixture.shared.readDirectory(list, of: .root, from: 0, into: &entries)
    #expect(SharedFileTests.names(entries) == [".", "..", "1", "2", "3", "4", "5"])
    #expect(fixture.shared.nodes.count == 4)
  }

  @Test func theProcessRunningOutOfDescriptorsIsTheGuestsError() throws {
    #expect(FuseError(systemCode: EMFILE).code == ENFILE)
  }

  /// The host's kernel would let the open wait until the holder of the lease gives it up, for 45 s at most.
  @Test func aFileThatSomebodyHasALeaseOnIsNotWaitedFor() throws {
    let fixture = try SharedFixture(prepare: "echo x > share/f")
    let node = try fixture.find("f")
    let holder = try FileDescriptor(opening: fixture.folder.path + "/share/f", O_RDONLY)
    // Which signal tells the holder that the lease is wanted: one that does nothing to who does not expect it.
    // F_SETSIG and F_SETLEASE, which Glibc's module does not have.
    let (setSignal, setLease): (Int32, Int32) = (10, 1024)
    #expect(fcntl(holder.raw, setSignal, SIGURG) == 0)
    #expect(fcntl(holder.raw, setLease, F_RDLCK) == 0)
    #expect(fixture.code { () throws(FuseError) in _ = try fixture.openToWrite(node) } == EAGAIN)
    #expect(try fixture.contentsAsGuest("f") == "x\n")
    #expect(fcntl(holder.raw, setLease, F_UNLCK) == 0)
    _ = try fixture.openToWrite(node)
  }

  @Test func nothingStaysOpen() throws {
    let before = try Self.openDescriptors()
    do {
      let fixture = try SharedFixture(prepare: "mkdir share/d; echo x > share/d/f")
      for _ in 0..<50 {
        let file = try fixture.find("d/f")
        _ = try fixture.openToRead(file)
        #expect(fixture.code { () throws(FuseError) in try fixture.find("d/missing") } == ENOENT)
      }
    }
    // Other tests open and close meanwhile, but not as many.
    #expect(try Self.openDescriptors() < before + 40)
  }

  // MARK: Numbers that are not the folder's

  @Test func madeUpNumbersFindNothing() throws {
    let fixture = try SharedFixture(prepare: "echo x > share/f; echo y > share/g; mkdir share/d")
    let (file, other, directory) = (try fixture.find("f"), try fixture.find("g"), try fixture.find("d"))
    let handle = try fixture.openToRead(file)
    let list = try fixture.shared.openDirectory(directory)
    for number: UInt64 in [0, 99, .max] {
      let node = FuseNode(number: number)
      #expect(fixture.code { () throws(FuseError) in _ = try fixture.shared.details(of: node) } == ESTALE)
      #expect(
        fixture.code { () throws(FuseError) in _ = try fixture.shared.lookUp(fixture.name("f"), in: node) }
          == ESTALE)
      #expect(fixture.code { () throws(FuseError) in _ = try fixture.openToRead(node) } == ESTALE)
      fixture.shared.forget(node, count: .max)
      let made = FuseHandle(number: number)
      #expect(throws: FuseError.badHandle) { try fixture.read(made, of: file) }
      #expect(fixture.code { () throws(FuseError) in try fixture.write("z", made, of: file) } == EBADF)
      #expect(
        fixture.code { () throws(FuseError) in try fixture.shared.synchronize(made, of: file, dataOnly: true)
        } == EBADF)
      fixture.shared.close(made, of: file)
    }
    // A handle is of one file, and of one kind.
    #expect(throws: FuseError.badHandle) { try fixture.read(handle, of: other) }
    #expect(throws: FuseError.isADirectory) { try fixture.read(list, of: directory) }
    var entries = FuseDirectoryList(hasNodes: false, limit: 4096)
    #expect(throws: FuseError.notADirectory) {
      try fixture.shared.readDirectory(handle, of: file, from: 0, into: &entries)
    }
    #expect(throws: FuseError.badHandle) {
      try fixture.shared.readDirectory(list, of: file, from: 0, into: &entries)
    }
    fixture.shared.close(handle, of: other)
    #expect(try fixture.read(handle, of: file) == "x\n")
    fixture.shared.close(handle, of: file)
    #expect(throws: FuseError.badHandle) { try fixture.read(handle, of: file) }
    fixture.shared.close(handle, of: file)
    #expect(fixture.code { () throws(FuseError) in _ = try fixture.openToRead(file) } == 0)
  }

  @Test func whatIsForgottenIsGone() throws {
    let fixture = try SharedFixture(prepare: "mkdir -p share/d/e; echo x > share/d/e/f")
    let file = try fixture.find("d/e/f")
    let directory = try fixture.find("d")
    fixture.shared.forget(file, count: 2)
    #expect(fixture.code { () throws(FuseError) in _ = try fixture.shared.details(of: file) } == ESTALE)
    fixture.shared.forget(file, count: .max)
    let again = try fixture.find("d/e/f")
    #expect(again != file, "a number was used twice")
    // The directory is forgotten by the guest, but what is below it is not.
    fixture.shared.forget(directory, count: .max)
    #expect(fixture.code { () throws(FuseError) in _ = try fixture.shared.details(of: directory) } == ESTALE)
    fixture.letTimePass()
    #expect(try fixture.shared.details(of: again).size == 2)
    // One that is open can still be used when forgotten, and then goes.
    let handle = try fixture.openToRead(again)
    fixture.shared.forget(again, count: .max)
    #expect(try fixture.read(handle, of: again) == "x\n")
    fixture.shared.close(handle, of: again)
    fixture.shared.forget(.root, count: .max)
    #expect(try fixture.shared.details(of: .root).isDirectory)
  }

  @Test func nothingCanBeDoneBelowAForgottenDirectory() throws {
    let fixture = try SharedFixture(prepare: "mkdir share/d; echo x > share/d/f")
    let directory = try fixture.find("d")
    try fixture.find("d/f")
    fixture.shared.forget(directory, count: 2)
    #expect(
      fixture.code { () throws(FuseError) in _ = try fixture.shared.lookUp(fixture.name("f"), in: directory) }
        == ESTALE)
  }

  /// The host swaps which directory is in which, between two look-ups: what the folder remembers would be a ring.
  @Test func directoriesThatContainOneAnotherAreNoRing() throws {
    let fixture = try SharedFixture(prepare: "mkdir -p share/a/b")
    let first = try fixture.find("a")
    let second = try fixture.find("a/b")
    try fixture.shell("mv share/a/b share/b; mv share/a share/b/a")
    let moved = try fixture.shared.lookUp(fixture.name("a"), in: second).node
    #expect(moved == first)
    fixture.letTimePass()
    #expect(fixture.code { () throws(FuseError) in _ = try fixture.shared.details(of: second) } == ESTALE)
    #expect(try fixture.find("b/a") == first)
    fixture.letTimePass()
    #expect(try fixture.shared.details(of: first).isDirectory)
    for node in [first, second] { fixture.shared.forget(node, count: .max) }
    #expect(fixture.shared.nodes.count == 1)
  }

  /// If it were, none of the two could be forgotten.
  @Test func whatWouldBeARingIsForgotten() throws {
    let fixture = try SharedFixture(prepare: "mkdir -p share/a/b")
    let (first, second) = (try fixture.find("a"), try fixture.find("a/b"))
    try fixture.shell("mv share/a/b share/b; mv share/a share/b/a")
    _ = try fixture.shared.lookUp(fixture.name("a"), in: second)
    for node in [first, second] { fixture.shared.forget(node, count: .max) }
    #expect(fixture.shared.nodes.count == 1)
  }
}
