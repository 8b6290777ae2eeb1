import Foundation
import LinuxSystem
import Testing

@testable import Backends
@testable import Devices

/// Every operation on a real directory.
@Suite struct SharedFileTests {
  static func names(_ list: FuseDirectoryList) -> [String] {
    var names: [String] = []
    var place = 0
    let start = list.hasNodes ? 128 : 0
    while place < list.bytes.count {
      let count = Int(list.bytes[place + start + 16]) | Int(list.bytes[place + start + 17]) << 8
      names.append(
        String(decoding: list.bytes[place + start + 24..<place + start + 24 + count], as: UTF8.self))
      place += start + (24 + count + 7) / 8 * 8
    }
    return names.sorted()
  }

  @Test func readsWhatTheHostHas() throws {
    let fixture = try SharedFixture(writable: false, prepare: "mkdir share/d; seq 1 1000 > share/d/numbers")
    let node = try fixture.find("d/numbers")
    let handle = try fixture.openToRead(node)
    #expect(try fixture.read(handle, of: node, at: 10, count: 6) == "6\n7\n8\n")
    #expect(try fixture.read(handle, of: node, at: 1 << 40) == "")
    #expect(try fixture.shared.details(of: node).size == 3893)
    let status = try fixture.shared.fileSystemStatus()
    #expect(status.blocks > 0 && status.nameLimit == 255)
  }

  @Test func aReadOnlyShareIsNotChanged() throws {
    let fixture = try SharedFixture(
      writable: false, prepare: "echo x > share/f; mkdir share/d; chmod 644 share/f")
    let shared = fixture.shared
    let node = try fixture.find("f")
    let handle = try fixture.openToRead(node)
    let truncating = SharedFixture.opening { $0.truncates = true }
    let name = fixture.name("new")
    let f = fixture.name("f")
    let mode = SharedFixture.change { $0.mode = 0o777 }
    let size = SharedFixture.change { ($0.size, $0.handle) = (0, handle) }
    let time = SharedFixture.change { $0.modified = .now }
    let allocation = try #require(Self.allocation(mode: 0, 0, 10))
    let codes = [
      fixture.code { () throws(FuseError) in _ = try fixture.openToWrite(node) },
      fixture.code { () throws(FuseError) in _ = try shared.open(node, truncating) },
      fixture.code { () throws(FuseError) in try fixture.write("changed", handle, of: node) },
      fixture.refusal(node, mode),
      fixture.refusal(node, size),
      fixture.refusal(node, time),
      fixture.code { () throws(FuseError) in try shared.allocate(handle, of: node, allocation) },
      fixture.code { () throws(FuseError) in _ = try shared.make(.file(mode: 0o644), name, in: .root) },
      fixture.code { () throws(FuseError) in _ = try shared.make(.directory(mode: 0o755), name, in: .root) },
      fixture.code { () throws(FuseError) in _ = try shared.make(.symbolicLink(target: [65]), name, in: .root)
      },
      fixture.code { () throws(FuseError) in
        _ = try shared.create(name, in: .root, mode: 0o644, FuseOpening(), isExclusive: false)
      },
      fixture.code { () throws(FuseError) in
        _ = try shared.create(f, in: .root, mode: 0o644, FuseOpening(), isExclusive: false)
      },
      fixture.code { () throws(FuseError) in _ = try shared.link(node, name, in: .root) },
      fixture.code { () throws(FuseError) in try shared.remove(f, in: .root, isDirectory: false) },
      fixture.code { () throws(FuseError) in
        try shared.remove(fixture.name("d"), in: .root, isDirectory: true)
      },
      fixture.code { () throws(FuseError) in try shared.rename(f, in: .root, to: name, in: .root, flags: 0) },
    ]
    #expect(codes == [Int32](repeating: EROFS, count: codes.count))
    #expect(try fixture.contents("share/f") == "x\n")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path + "/share").sorted() == [
        "d", "f",
      ])
    #expect(try shared.details(of: node).mode == 0o100644)
  }

  static func allocation(mode: Int32, _ offset: Int64, _ count: Int64) -> FuseAllocation? {
    FuseAllocation(mode: mode, offset: offset, count: count)
  }

  @Test func writesReachTheHost() throws {
    let fixture = try SharedFixture()
    let shared = fixture.shared
    let (entry, opened) = try shared.create(
      fixture.name("f"), in: .root, mode: 0o4640, SharedFixture.writing, isExclusive: true)
    #expect(entry.details.mode == 0o100640, "a set-uid bit from the guest")
    #expect(try fixture.write("hello world", opened.handle, of: entry.node) == 11)
    #expect(try fixture.write("W", opened.handle, of: entry.node, at: 6) == 1)
    try shared.synchronize(opened.handle, of: entry.node, dataOnly: true)
    try shared.synchronize(opened.handle, of: entry.node, dataOnly: false)
    #expect(try fixture.contents("share/f") == "hello World")
    // A handle opened to read does not write.
    let reading = try fixture.openToRead(entry.node)
    #expect(fixture.code { () throws(FuseError) in try fixture.write("x", reading, of: entry.node) } == EBADF)
    var appending = SharedFixture.writing
    appending.appends = true
    let end = try shared.open(entry.node, appending).handle
    #expect(try fixture.write("!", end, of: entry.node, at: 0) == 1)
    #expect(try fixture.contents("share/f") == "hello World!")
    var emptying = SharedFixture.writing
    emptying.truncates = true
    _ = try shared.open(entry.node, emptying)
    #expect(try fixture.contents("share/f") == "")
    // The second time it is there.
    #expect(
      fixture.code { () throws(FuseError) in
        _ = try shared.create(fixture.name("f"), in: .root, mode: 0o600, FuseOpening(), isExclusive: true)
      } == EEXIST)
    let again = try shared.create(
      fixture.name("f"), in: .root, mode: 0o600, FuseOpening(), isExclusive: false)
    #expect(again.0.node == entry.node)
  }

  @Test func attributesAreChanged() throws {
    let fixture = try SharedFixture(prepare: "echo contents > share/f; mkdir share/d; chmod 644 share/f")
    let shared = fixture.shared
    let (file, directory) = (try fixture.find("f"), try fixture.find("d"))
    var change = FuseChange()
    change.mode = 0o106755
    #expect(try shared.change(file, change).mode == 0o100755, "set-uid and set-gid")
    change.mode = 0o41777
    #expect(try shared.change(directory, change).mode == 0o041777)
    change = FuseChange()
    change.size = 3
    #expect(try shared.change(file, change).size == 3)
    let handle = try fixture.openToWrite(file)
    (change.size, change.handle) = (5, handle)
    #expect(try shared.change(file, change).size == 5)
    #expect(try fixture.contents("share/f") == "con\0\0")
    change.handle = try fixture.openToRead(file)
    #expect(fixture.refusal(file, change) == EBADF)
    change = FuseChange()
    change.size = 0
    #expect(fixture.refusal(directory, change) == EISDIR)
    change.size = .max
    #expect(fixture.refusal(file, change) == EFBIG)
    change = FuseChange()
    change.accessed = .at(.init(seconds: 1_000_000_000, nanoseconds: 5))
    change.modified = .at(.init(seconds: -5, nanoseconds: 999_999_999))
    let details = try shared.change(file, change)
    #expect(details.accessed == .init(seconds: 1_000_000_000, nanoseconds: 5))
    #expect(details.modified == .init(seconds: -5, nanoseconds: 999_999_999))
  }

  @Test func ownersAreTheHostsMatter() throws {
    let fixture = try SharedFixture(prepare: "echo x > share/f")
    let node = try fixture.find("f")
    let details = try fixture.shared.details(of: node)
    var change = FuseChange()
    (change.owner, change.group) = (details.owner, details.group)
    _ = try fixture.shared.change(node, change)
    change.owner = details.owner + 1
    #expect(fixture.refusal(node, change) == EPERM)
    (change.owner, change.group) = (nil, details.group + 1)
    change.mode = 0o777
    #expect(fixture.refusal(node, change) == EPERM)
    #expect(try fixture.shared.details(of: node) == details, "half of a change was done")
  }

  @Test func entriesAreMadeMovedAndRemoved() throws {
    let fixture = try SharedFixture()
    let shared = fixture.shared
    let directory = try shared.make(.directory(mode: 0o2755), fixture.name("d"), in: .root)
    #expect(directory.details.mode == 0o040755)
    let file = try shared.make(.file(mode: 0o100600), fixture.name("f"), in: directory.node)
    #expect(file.details.mode == 0o100600)
    let link = try shared.make(.symbolicLink(target: Array("../x".utf8)), fixture.name("l"), in: .root)
    #expect(try shared.linkTarget(of: link.node) == Array("../x".utf8))
    let second = try shared.link(file.node, fixture.name("g"), in: .root)
    #expect(second.node == file.node && second.details.links == 2)
    // Moved with what is in it, it is found again.
    try shared.rename(fixture.name("d"), in: .root, to: fixture.name("e"), in: .root, flags: 0)
    fixture.letTimePass()
    #expect(try shared.details(of: directory.node).isDirectory)
    try shared.rename(fixture.name("g"), in: .root, to: fixture.name("h"), in: directory.node, flags: 0)
    fixture.letTimePass()
    #expect(try shared.details(of: file.node).links == 2)
    #expect(fixture.exists("share/e/h") && fixture.exists("share/e/f") && !fixture.exists("share/g"))
    #expect(
      fixture.code { () throws(FuseError) in
        try shared.rename(
          fixture.name("h"), in: directory.node, to: fixture.name("f"), in: directory.node, flags: 1)
      } == EEXIST)
    try shared.rename(fixture.name("l"), in: .root, to: fixture.name("e"), in: .root, flags: 2)
    fixture.letTimePass()
    #expect(try shared.details(of: directory.node).isDirectory)
    #expect(try shared.linkTarget(of: link.node) == Array("../x".utf8))
    #expect(
      fixture.code { () throws(FuseError) in
        try shared.remove(fixture.name("l"), in: .root, isDirectory: true)
      }
        == ENOTEMPTY)
    for name in ["f", "h"] { try shared.remove(fixture.name(name), in: directory.node, isDirectory: false) }
    #expect(
      fixture.code { () throws(FuseError) in
        try shared.remove(fixture.name("l"), in: .root, isDirectory: false)
      }
        == EISDIR)
    try shared.remove(fixture.name("l"), in: .root, isDirectory: true)
    try shared.remove(fixture.name("e"), in: .root, isDirectory: false)
    #expect(try FileManager.default.contentsOfDirectory(atPath: fixture.folder.path + "/share") == [])
  }

  @Test func aFileThatIsRemovedWhileOpenStaysUsable() throws {
    let fixture = try SharedFixture(prepare: "echo x > share/f", descriptors: 16)
    let node = try fixture.find("f")
    let handle = try fixture.openToWrite(node)
    try fixture.shared.remove(fixture.name("f"), in: .root, isDirectory: false)
    try fixture.shell("for i in $(seq 20); do echo $i > share/$i; done")
    fixture.letTimePass()
    for number in 1...20 { try fixture.find("\(number)") }
    #expect(try fixture.shared.details(of: node).links == 0)
    #expect(try fixture.write("longer", handle, of: node) == 6)
    #expect(try fixture.shared.details(of: node).size == 6)
  }

  @Test func listsWholeDirectoriesInPieces() throws {
    let fixture = try SharedFixture(
      prepare: "cd share; for i in $(seq 500); do : > file-$i; done; mkdir d; ln -s x l")
    let list = try fixture.shared.openDirectory(.root)
    let expected = Set((1...500).map { "file-\($0)" } + ["d", "l", ".", ".."])
    for hasNodes in [false, true] {
      var found: [String] = []
      var position: Int64 = 0
      while true {
        var entries = FuseDirectoryList(hasNodes: hasNodes, limit: 4000)
        try fixture.shared.readDirectory(list, of: .root, from: position, into: &entries)
        let names = Self.names(entries)
        if names.isEmpty { break }
        found += names
        position = Self.lastPosition(entries)
      }
      #expect(found.count == expected.count && Set(found) == expected)
    }
    // Each node is looked up once: forgotten once, all are gone.
    #expect(fixture.shared.nodes.count == 503)
    for number in 2...600 { fixture.shared.forget(FuseNode(number: UInt64(number)), count: 1) }
    #expect(fixture.shared.nodes.count == 1)
    // Too little room for a name is an empty list; a place no entry is at is the host's to judge.
    for limit in [0, 1, 23, 31] {
      var entries = FuseDirectoryList(hasNodes: false, limit: limit)
      try fixture.shared.readDirectory(list, of: .root, from: 0, into: &entries)
      #expect(entries.bytes.isEmpty)
    }
    for position: Int64 in [.max, 12345] {
      var entries = FuseDirectoryList(hasNodes: true, limit: 4096)
      try? fixture.shared.readDirectory(list, of: .root, from: position, into: &entries)
    }
  }

  static func lastPosition(_ list: FuseDirectoryList) -> Int64 {
    var place = 0
    var last: Int64 = 0
    let start = list.hasNodes ? 128 : 0
    while place < list.bytes.count {
      last = list.bytes[place + start + 8..<place + start + 16].reversed().reduce(0) { $0 << 8 | Int64($1) }
      let count = Int(list.bytes[place + start + 16])
      place += start + (24 + count + 7) / 8 * 8
    }
    return last
  }

  @Test func whatIsAboveHasNoNumber() throws {
    let fixture = try SharedFixture()
    let list = try fixture.shared.openDirectory(.root)
    var entries = FuseDirectoryList(hasNodes: false, limit: 4096)
    try fixture.shared.readDirectory(list, of: .root, from: 0, into: &entries)
    let root = try fixture.shared.details(of: .root).identity.number
    #expect(entries.bytes.count == 64)
    for place in [0, 32] {
      #expect(entries.bytes[place..<place + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) } == root)
    }
  }

  @Test func rangesAreAllocatedAndFound() throws {
    let fixture = try SharedFixture()
    let (entry, opened) = try fixture.shared.create(
      fixture.name("f"), in: .root, mode: 0o644, SharedFixture.writing, isExclusive: true)
    let whole = try #require(Self.allocation(mode: 0, 0, 1 << 20))
    try fixture.shared.allocate(opened.handle, of: entry.node, whole)
    #expect(try fixture.shared.details(of: entry.node).size == 1 << 20)
    try fixture.write("x", opened.handle, of: entry.node, at: 1 << 21)
    #expect(try fixture.shared.next(hole: false, from: 1 << 20, opened.handle, of: entry.node) > 1 << 20)
    #expect(
      fixture.code { () throws(FuseError) in
        _ = try fixture.shared.next(hole: false, from: 1 << 30, opened.handle, of: entry.node)
      } == ENXIO)
  }

  @Test func theGuestKeepsWhatItHasCachedOfAnUnchangedFile() throws {
    let fixture = try SharedFixture(
      prepare: "echo x > share/f; touch -d '1 hour ago' share/f; echo y > share/new")
    let node = try fixture.find("f")
    // The time of change is now, whatever the time of modification says: too new to be sure.
    #expect(try !fixture.shared.open(node, FuseOpening()).keepsCache)
    #expect(try !fixture.shared.open(node, FuseOpening()).keepsCache)
    let later = try SharedDirectory(
      path: fixture.folder.path + "/share", isReadOnly: true, limits: .init(descriptors: 100),
      wallClock: { Clock.realTimeSeconds() + 60 })
    let file = try later.lookUp(fixture.name("f"), in: .root).node
    #expect(try !later.open(file, FuseOpening()).keepsCache)
    #expect(try later.open(file, FuseOpening()).keepsCache)
    try fixture.shell("echo changed > share/f")
    #expect(try !later.open(file, FuseOpening()).keepsCache)
  }

  @Test func whatCannotBeSharedIsRefused() throws {
    let fixture = try SharedFixture(prepare: "echo x > share/f")
    for (path, code) in [("/share/f", ENOTDIR), ("/missing", ENOENT)] {
      #expect(throws: SystemError(call: "open", operand: fixture.folder.path + path, code: code)) {
        _ = try SharedDirectory(
          path: fixture.folder.path + path, isReadOnly: true, limits: .init(descriptors: 9))
      }
    }
  }
}
