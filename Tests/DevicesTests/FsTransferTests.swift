import DeviceFakes
import Devices
import GuestMemory
import Testing

/// Data, lists and forgetting, and requests that are cut wrong.
@Suite struct FsTransferTests {
  let folder = FakeFolder()
  let guest: FuseDriver

  init() throws {
    guest = try FuseDriver(FakeDriver(FsDevice(tag: "code", folder: folder)))
    _ = folder.takeCalls()
  }

  func range(_ offset: UInt64, _ count: UInt32) -> [UInt8] {
    .fuse([UInt64(9), offset, count, UInt32(0), UInt64(0), UInt64(0)])
  }

  @Test func dataComesFromAndGoesToTheGuestsBuffers() throws {
    folder.contents = (0..<3000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let reply = try #require(try guest.request(.read, 3, range(10, 2000)))
    #expect(reply.body == Array(folder.contents[10..<2010]))
    #expect(folder.takeCalls() == ["read 9 at 10, 2000"])
    #expect(try guest.request(.read, 3, range(2990, 2000))?.body == Array(folder.contents[2990...]))
    #expect(try guest.request(.read, 3, range(5000, 2000))?.body == [])
    folder.contents = []
    #expect(try guest.request(.write, 3, range(0, 5) + Array("bytes".utf8))?.number(0) == 5)
    #expect(folder.contents == Array("bytes".utf8))
  }

  @Test func noMoreIsReadThanThereIsRoomFor() throws {
    folder.contents = [UInt8](repeating: 1, count: 10_000)
    #expect(try guest.request(.read, 3, range(0, .max), room: 116)?.body.count == 100)
    #expect(folder.takeCalls() == ["read 9 at 0, 100"])
    #expect(try guest.request(.read, 3, range(0, .max), room: 1 << 20)?.body.count == 10_000)
    #expect(folder.takeCalls() == ["read 9 at 0, 262144"])
    #expect(try guest.request(.read, 3, range(0, 10) + [0])?.error == 22)
    #expect(try guest.request(.read, 3, Array(range(0, 10).dropLast()))?.error == 22)
  }

  @Test func aWriteHasTheBytesItSays() throws {
    #expect(try guest.request(.write, 3, range(0, 5) + [1, 2, 3, 4])?.error == 22)
    #expect(try guest.request(.write, 3, range(0, 3) + [1, 2, 3, 4])?.error == 22)
    #expect(try guest.request(.write, 3, range(0, .max) + [1])?.error == 22)
    #expect(try guest.request(.write, 3, range(0, 1) + [1], room: 20)?.error == 22, "no room for the count")
    let most = [UInt8](repeating: 1, count: 256 << 10)
    #expect(try guest.request(.write, 3, range(0, UInt32(most.count)) + most)?.error == 0)
    #expect(try guest.request(.write, 3, range(0, UInt32(most.count + 1)) + most + [1])?.error == 22)
    #expect(folder.contents == most)
  }

  @Test func listsFitTheirRoom() throws {
    folder.entries = [".", "name", "eightchr", String(repeating: "x", count: 255)]
    let body: [UInt8] = .fuse([UInt64(9), UInt64(0), UInt32.max, UInt32(0), UInt64(0), UInt64(0)])
    let all = try #require(try guest.request(.readDirectory, 3, body))
    #expect(all.body.count == 32 + 32 + 32 + 280)
    #expect(all.number(32) == 7 && all.number(40) == 2)
    #expect(all.number(48, UInt32.self) == 4 && all.number(52, UInt32.self) == 8)
    #expect(Array(all.body[56..<64]) == Array("name".utf8) + [0, 0, 0, 0])
    #expect(try guest.request(.readDirectory, 3, body, room: 16 + 95)?.body.count == 64)
    #expect(try guest.request(.readDirectory, 3, body, room: 16 + 31)?.body.count == 0)
    let nodes = try #require(try guest.request(.readDirectoryPlus, 3, body))
    #expect(nodes.body.count == 4 * 128 + all.body.count)
    #expect(nodes.number(0) == 0, "the node of the directory itself")
    #expect(nodes.number(160) == 2)
    #expect(Array(nodes.body[288 + 24..<288 + 28]) == Array("name".utf8))
    // However much is asked for, a list is not longer than 32 KiB.
    folder.entries = [String](repeating: "name", count: 5000)
    #expect(try guest.request(.readDirectory, 3, body, room: 1 << 20)?.body.count == 32 << 10)
  }

  @Test func forgettingHasNoReply() throws {
    #expect(try guest.tell(.forget, 2, .fuse([3])).map(\.written) == [0])
    let two: [UInt8] = .fuse([UInt32(2), UInt32(0), UInt64(4), UInt64(1), UInt64(5), UInt64.max])
    #expect(try guest.tell(.batchForget, 0, two).map(\.written) == [0])
    #expect(folder.takeCalls() == ["forget 2 3", "forget 4 1", "forget 5 \(UInt64.max)"])
    // More than there are: those that are there.
    _ = try guest.tell(.batchForget, 0, .fuse([UInt32.max, UInt32(0), UInt64(4), UInt64(1), UInt64(5)]))
    #expect(folder.takeCalls() == ["forget 4 1"])
    #expect(try guest.tell(.forget, 2, [1, 2]).map(\.written) == [0])
    #expect(try guest.tell(.interrupt, 2, .fuse([3])).map(\.written) == [0])
    // A reply has nowhere to go, even where there would be room.
    #expect(try guest.request(.forget, 2, .fuse([1])) == nil)
    #expect(folder.takeCalls() == ["forget 2 1"])
    #expect(guest.driver.takeViolations().isEmpty)
  }

  @Test func requestsComeInAnyPieces() throws {
    let header = FuseDriver.header(1, 1, count: 5, unique: 0) + Array("name\0".utf8)
    let pieces = try header.map { try guest.driver.readable([$0]) }
    #expect(try guest.request(pieces, room: 200)?.error == 0)
    #expect(folder.takeCalls() == ["look up name in 1"])
  }

  @Test func aLengthIsThatOfItsBuffers() throws {
    for wrong in [-1, 1, 1000] {
      let header = FuseDriver.header(1, 1, count: 5 + wrong, unique: 0) + Array("name\0".utf8)
      #expect(try guest.request([guest.driver.readable(header)], room: 200)?.error == 22)
    }
    let extended = FuseDriver.header(1, 1, count: 5, unique: 0, extensions: 1) + Array("name\0".utf8)
    #expect(try guest.request([guest.driver.readable(extended)], room: 200)?.error == 22)
    #expect(try guest.request(.lookUp, 1, [UInt8](repeating: 65, count: 9000))?.error == 22)
    #expect(
      try guest.request(.lookUp, 1, .fuse([], "a"), room: 16 + 127)?.error == 22, "no room for an entry")
    #expect(try guest.request(.release, 1, .fuse([9, 0, 0] as [UInt64]), room: 16)?.error == 0)
  }

  @Test func halfARequestIsAViolation() throws {
    #expect(try guest.driver.submit(1, [guest.driver.readable([UInt8](repeating: 0, count: 39))]).isEmpty)
    #expect(guest.driver.takeViolations() == [.requestLayout])
    #expect(guest.driver.status & 64 != 0)
    try guest.driver.start(queues: 2)
    _ = try guest.initialize()
    let header = FuseDriver.header(1, 1, count: 2, unique: 0) + [65, 0]
    #expect(try guest.driver.submit(1, [guest.driver.readable(header), guest.driver.writable(15)]).isEmpty)
    #expect(guest.driver.takeViolations() == [.requestLayout])
  }
}
