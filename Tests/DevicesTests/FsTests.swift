import DeviceFakes
import Devices
import GuestMemory
import Testing

@Suite struct FsDeviceTests {
  let folder = FakeFolder()
  let guest: FuseDriver

  init() throws {
    guest = try FuseDriver(FakeDriver(FsDevice(tag: "code", folder: folder)))
    _ = folder.takeCalls()
  }

  @Test func showsItsTagAndOneQueueOfRequests() throws {
    let bus = guest.driver.bus
    let tag = (0..<36).map { UInt8(bus.read(address: FakeDriver.window + 0x100 + $0, width: .byte)) }
    #expect(tag == Array("code".utf8) + [UInt8](repeating: 0, count: 32))
    #expect(bus.read(address: FakeDriver.window + 0x124, width: .double) == 1)
  }

  // MARK: The beginning

  @Test func agreesOnWhatBothSpeak() throws {
    let reply = try #require(try guest.initialize())
    #expect(folder.takeCalls() == ["begin"])
    #expect(reply.error == 0 && reply.body.count == 64)
    #expect([reply.number(0, UInt32.self), reply.number(4, UInt32.self)] == [7, 36])
    #expect(reply.number(8, UInt32.self) == 128 << 10)
    // Neither locks, nor look-ups of "..", nor a writeback cache.
    let flags = reply.number(12, UInt32.self)
    #expect(flags & (1 << 1 | 1 << 4 | 1 << 10 | 1 << 16) == 0)
    #expect(flags & 1 << 22 != 0)
    // Lists come with what they name (READDIRPLUS and its AUTO): no request for each name.
    #expect(flags & (1 << 13 | 1 << 14) == 1 << 13 | 1 << 14)
    #expect(reply.number(20, UInt32.self) == 256 << 10)
    #expect(reply.number(28, UInt16.self) == 64)
    #expect(try guest.initialize(flags: 0)?.number(12, UInt32.self) == 0, "offered what was not asked for")
    #expect(try guest.initialize(minor: 99)?.number(4, UInt32.self) == 38)
  }

  @Test func refusesOtherVersions() throws {
    #expect(try guest.initialize(major: 6)?.error == 71)
    #expect(try guest.initialize(minor: 30)?.error == 71)
    // A newer kernel is told the version, and has to begin again.
    #expect(try guest.initialize(major: 8)?.number(0, UInt32.self) == 7)
    #expect(try guest.request(.getAttributes, 1, .fuse([0, 0]))?.error == 107)
  }

  @Test func nothingIsDoneBeforeTheBeginningAndAfterTheEnd() throws {
    let guest = try FuseDriver(FakeDriver(FsDevice(tag: "x", folder: folder)), begins: false)
    let read = [UInt8](repeating: 0, count: 40)
    for begins in [false, true] {
      if begins {
        _ = try guest.initialize()
        #expect(try guest.request(.destroy)?.error == 0)
      }
      _ = folder.takeCalls()
      #expect(try guest.request(.lookUp, 1, .fuse([], "a"))?.error == 107)
      #expect(try guest.request(.read, 1, read)?.error == 107)
      #expect(try guest.request(.write, 1, read)?.error == 107)
      #expect(try guest.tell(.forget, 2, .fuse([1])).map(\.written) == [0])
      #expect(folder.takeCalls() == [])
    }
  }

  @Test func aResetEndsTheSession() throws {
    guest.driver.write(FakeDriver.Register.status, 0)
    #expect(folder.takeCalls() == ["begin"])
    try guest.driver.start(queues: 2)
    #expect(try guest.request(.lookUp, 1, .fuse([], "a"))?.error == 107)
  }

  // MARK: Names

  @Test(
    arguments: [
      ("", 22), (".", 22), ("..", 22), ("/", 22), ("a/b", 22), ("../x", 22), ("/etc", 22), ("a/", 22),
      (String(repeating: "n", count: 256), 36),
    ] as [(String, Int32)])
  func namesAreNeverPaths(_ name: String, _ error: Int32) throws {
    #expect(try guest.request(.lookUp, 1, .fuse([], name))?.error == error)
    #expect(try guest.request(.unlink, 1, .fuse([], name))?.error == error)
    #expect(try guest.request(.removeDirectory, 1, .fuse([], name))?.error == error)
    #expect(try guest.request(.makeDirectory, 1, .fuse([0, 0].u32, name))?.error == error)
    #expect(try guest.request(.makeNode, 1, .fuse([0o100644, 0, 0, 0].u32, name))?.error == error)
    #expect(try guest.request(.create, 1, .fuse([1, 0o644, 0, 0].u32, name))?.error == error)
    #expect(try guest.request(.symbolicLink, 1, .fuse([], name, "t"))?.error == error)
    #expect(try guest.request(.link, 1, .fuse([2 as UInt64], name))?.error == error)
    #expect(try guest.request(.rename, 1, .fuse([1 as UInt64], name, "b"))?.error == error)
    #expect(try guest.request(.rename, 1, .fuse([1 as UInt64], "a", name))?.error == error)
    #expect(
      try guest.request(.renameWithFlags, 1, .fuse([1 as UInt64, 0 as UInt64], "a", name))?.error == error)
    #expect(folder.takeCalls() == [])
  }

  @Test func aNameEndsWhereItsZeroIs() throws {
    #expect(try guest.request(.lookUp, 1, .fuse([], "a", "b"))?.error == 22, "a zero inside a name")
    #expect(try guest.request(.lookUp, 1, Array("abc".utf8))?.error == 22, "no zero at all")
    #expect(try guest.request(.rename, 1, .fuse([1 as UInt64], "a"))?.error == 22, "one name of two")
    #expect(try guest.request(.symbolicLink, 1, .fuse([], "a"))?.error == 22, "no target")
    #expect(try guest.request(.symbolicLink, 1, .fuse([], "a", ""))?.error == 22, "an empty target")
    let long = String(repeating: "t", count: 4096)
    #expect(try guest.request(.symbolicLink, 1, .fuse([], "a", long))?.error == 36)
    #expect(folder.takeCalls() == [])
    #expect(try guest.request(.lookUp, 1, .fuse([], String(repeating: "n", count: 255)))?.error == 0)
    #expect(try guest.request(.lookUp, 1, .fuse([], "..."))?.error == 0)
  }

  // MARK: What is made of requests

  @Test func entriesComeWithAllTheirAttributes() throws {
    folder.contents = [1, 2, 3]
    let reply = try #require(try guest.request(.lookUp, 5, .fuse([], "name")))
    #expect(folder.takeCalls() == ["look up name in 5"])
    #expect(reply.body.count == 128)
    #expect(reply.number(0) == 2)
    #expect([reply.number(40), reply.number(48)] == [77, 3])
    #expect(reply.number(72) == 5 && reply.number(92, UInt32.self) == 6)
    #expect(reply.number(100, UInt32.self) == 0o100644)
    #expect(reply.number(116, UInt32.self) == 0x30_1245, "the device number")
  }

  @Test func everyOperationReachesTheFolder() throws {
    let expected: [(FuseDriver.Operation, [UInt8], String)] = [
      (.readLink, [], "target 3"),
      (.status, [], "status"),
      (.open, .fuse([0o1002, 0].u32), "open 3 to write empty"),
      (.openDirectory, .fuse([0, 0].u32), "open directory 3"),
      (.unlink, .fuse([], "a"), "remove a false"),
      (.removeDirectory, .fuse([], "a"), "remove a true"),
      (.rename, .fuse([4 as UInt64], "a", "b"), "rename a in 3 to b in 4 0"),
      (.renameWithFlags, .fuse([4, 2] as [UInt64], "a", "b"), "rename a in 3 to b in 4 2"),
      (.link, .fuse([4 as UInt64], "a"), "link 4 a in 3"),
      (.symbolicLink, .fuse([], "a", "/"), "make a symbolicLink(target: [47])"),
      (.makeDirectory, .fuse([0o755, 0].u32, "a"), "make a directory(mode: 493)"),
      (.makeNode, .fuse([0o100644, 0, 0, 0].u32, "a"), "make a file(mode: 33188)"),
      (.create, .fuse([0o201, 0o644, 0, 0].u32, "a"), "create a 420 true"),
      (.release, .fuse([9, 0, 0] as [UInt64]), "close 9"),
      (.releaseDirectory, .fuse([9, 0, 0] as [UInt64]), "close 9"),
      (.synchronize, .fuse([9, 1] as [UInt64]), "synchronize 9 true"),
      (.synchronizeDirectory, .fuse([9, 0] as [UInt64]), "synchronize 9 false"),
      (.allocate, .fuse([9, 5, 6, 3] as [UInt64]), "allocate 3 5 6"),
      (.seek, .fuse([9, 5, 4] as [UInt64]), "next true 5"),
    ]
    for (operation, body, call) in expected {
      #expect(try guest.request(operation, 3, body)?.error == 0, "\(operation)")
      #expect(folder.takeCalls() == [call])
      // A byte less or more is another request than the one meant.
      if !body.isEmpty {
        #expect(try guest.request(operation, 3, Array(body.dropLast()))?.error == 22, "\(operation)")
      }
      #expect(try guest.request(operation, 3, body + [0])?.error == 22, "\(operation)")
      #expect(folder.takeCalls() == [], "\(operation)")
    }
  }

  @Test func attributesAreChangedAsAsked() throws {
    // FATTR_MODE, SIZE, ATIME_NOW, MTIME, FH.
    let numbers: [any FixedWidthInteger] = [
      UInt32(1 | 8 | 16 | 128 | 32 | 64), UInt32(0), UInt64(9), UInt64(100), UInt64(0), UInt64(1), UInt64(2),
      UInt64(3), UInt32(4), UInt32(5), UInt32(6), UInt32(0o600), UInt32(0), UInt32(7), UInt32(8), UInt32(0),
    ]
    #expect(try guest.request(.setAttributes, 3, .fuse(numbers))?.error == 0)
    let call = try #require(folder.takeCalls().first)
    for part in [
      "number: 9", "mode: Optional(384)", "owner: nil", "size: Optional(100)",
      "accessed: LinuxSystem.FileDescriptor.NewTime.now", "seconds: 2, nanoseconds: 5",
    ] {
      #expect(call.contains(part), "\(call)")
    }
    var wrong = numbers
    wrong[9] = UInt32(1_000_000_000)
    #expect(
      try guest.request(.setAttributes, 3, .fuse(wrong))?.error == 22, "a second of so many nanoseconds")
    #expect(folder.takeCalls() == [])
  }

  @Test func whatWouldBeNoFileIsNotMade() throws {
    for kind: UInt32 in [0o010000, 0o020000, 0o060000, 0o140000, 0o120000, 0o040000] {
      #expect(try guest.request(.makeNode, 1, .fuse([kind | 0o644, 0x103, 0, 0].u32, "a"))?.error == 1)
    }
    // RENAME_WHITEOUT makes a device node; the two others exclude each other.
    for flags: UInt64 in [3, 4, 5, 1 << 31] {
      #expect(try guest.request(.renameWithFlags, 1, .fuse([1, flags] as [UInt64], "a", "b"))?.error == 22)
    }
    #expect(folder.takeCalls() == [])
  }

  @Test func numbersOutOfRangeAreRefused() throws {
    for offset: UInt64 in [1 << 63, .max, .max >> 1] {
      #expect(try guest.request(.allocate, 1, .fuse([9, offset, 1, 0] as [UInt64]))?.error == 22)
      let range: [UInt8] = .fuse([9, offset, UInt64(1), 0, 0] as [UInt64])
      #expect(try guest.request(.read, 1, range)?.error == 22)
      #expect(try guest.request(.write, 1, range + [7])?.error == 22)
    }
    #expect(try guest.request(.allocate, 1, .fuse([9, 0, 0, 0] as [UInt64]))?.error == 22, "no bytes")
    #expect(
      try guest.request(.allocate, 1, .fuse([9, 0, 1, 0x40] as [UInt64]))?.error == 95, "a mode not known")
    #expect(try guest.request(.seek, 1, .fuse([9, 1 << 63, 3] as [UInt64]))?.error == 22)
    #expect(try guest.request(.seek, 1, .fuse([9, 0, 0] as [UInt64]))?.error == 22, "SEEK_SET")
    #expect(try guest.request(.open, 1, .fuse([3, 0].u32))?.error == 22, "no way to access a file")
    #expect(try guest.request(.readDirectory, 1, .fuse([9, 1 << 63, 0, 0, 0] as [UInt64]))?.error == 22)
    #expect(folder.takeCalls() == [])
  }

  @Test func theHostsReasonReachesTheGuest() throws {
    for (code, said): (Int32, Int32) in [(13, 13), (24, 23), (0, 5), (512, 5), (-1, 5)] {
      folder.failure = FuseError(systemCode: code)
      #expect(try guest.request(.lookUp, 1, .fuse([], "a"))?.error == said)
    }
  }

  @Test func whatIsNotDoneHereIsNotImplemented() throws {
    #expect(try guest.request(.getAttribute, 1, .fuse([0], "user.x"))?.error == 38)
    for number: UInt32 in [0, 7, 19, 21, 25, 31, 34, 37, 39, 40, 47, 48, 50, 51, 4096, .max] {
      let header = FuseDriver.header(number, 1, count: 0, unique: 0)
      #expect(try guest.request([guest.driver.readable(header)], room: 64)?.error == 38, "\(number)")
    }
  }
}

extension [UInt32] {
  var u32: [any FixedWidthInteger] { self }
}
