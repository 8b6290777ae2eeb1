import Backends
import BenchSupport
import DeviceFakes
import Devices
import GuestMemory
import LinuxSystem

/// Requests to a shared directory, each written once.
private final class ShareRig {
  let chains: Chains
  private var headers: [UInt64] = []
  private let replies: [FakeDriver.Buffer]

  /// - Parameter requests: each with the room for its reply, behind the reply's header.
  init(_ fuse: FuseDriver, _ requests: [(FuseDriver.Operation, UInt64, [UInt8], room: Int)]) throws {
    chains = try Chains(fuse.driver, queue: 1)
    var replies: [FakeDriver.Buffer] = []
    for (operation, node, body, room) in requests {
      let header = FuseDriver.header(operation.rawValue, node, count: body.count, unique: 99)
      replies.append(fuse.driver.writable(16 + room))
      let request = try fuse.driver.readable(header + body)
      headers.append(request.address)
      try chains.add([request, replies[replies.count - 1]])
    }
    self.replies = replies
  }

  /// Makes a request to read available, of the bytes at `offset`.
  func read(_ index: Int, at offset: Int) throws {
    // Behind the header of 40 bytes and the handle.
    try chains.driver.memory.store(UInt64(offset), at: GuestAddress(headers[index] + 48))
    try chains.submit(index)
  }

  /// Whether every reply is one of success.
  func check() throws {
    try chains.checkDone()
    for reply in replies {
      let error = try chains.driver.memory.load(Int32.self, at: GuestAddress(reply.address + 4))
      guard error == 0 else { throw Failure("the shared directory answers with error \(-error)") }
    }
  }
}

enum FsMeasures {
  private static let size = 16 << 20
  private static let length = 128 << 10

  static func measure(_ bench: InProcess, _ report: inout Report) throws {
    let path = try bench.folder.file("shared", count: size)
    report.heading("Shared directory, in µs")
    report.table([try read(bench, path), try lookUp(bench), try status(bench)])
  }

  private static func start(_ bench: InProcess) throws -> FuseDriver {
    let folder = try SharedDirectory(
      path: bench.folder.path, isReadOnly: true, limits: .init(descriptors: 64))
    let device = FsDevice(tag: "bench", folder: folder)
    return try FuseDriver(FakeDriver(device))
  }

  private static func node(_ fuse: FuseDriver) throws -> UInt64 {
    guard let reply = try fuse.request(.lookUp, 1, .fuse([], "shared")), reply.error == 0 else {
      throw Failure("the shared file is not found")
    }
    return reply.number(0)
  }

  private static func read(_ bench: InProcess, _ path: String) throws -> Comparison.Result {
    let fuse = try start(bench)
    let node = try node(fuse)
    guard let opened = try fuse.request(.open, node, .fuse([UInt32(0), UInt32(0)])), opened.error == 0 else {
      throw Failure("the shared file is not opened")
    }
    let body: [any FixedWidthInteger] = [
      opened.number(0), UInt64(0), UInt32(length), UInt32(0), UInt64(0), UInt32(0), UInt32(0),
    ]
    let rig = try ShareRig(
      fuse,
      [(FuseDriver.Operation, UInt64, [UInt8], room: Int)](
        repeating: (.read, node, .fuse(body), length), count: 8))
    let devicePlaces = Places(count: size / length)
    let hostPlaces = Places(count: size / length)
    let buffer = try HostBuffer(count: length)
    let file = try FileDescriptor(opening: path, 0).release()
    defer { _ = FileDescriptor(owning: file) }
    let result = try bench.measure(
      Comparison(
        name: "read 128 KiB in sequence", operations: 8, bytes: length,
        device: Way { for index in 0..<8 { try rig.read(index, at: devicePlaces.next() * length) } },
        host: Way { for _ in 0..<8 { try buffer.read(file, length, at: hostPlaces.next() * length) } }))
    try rig.check()
    return result
  }

  private static func lookUp(_ bench: InProcess) throws -> Comparison.Result {
    let fuse = try start(bench)
    let node = try node(fuse)
    let rig = try ShareRig(
      fuse,
      [
        (.lookUp, 1, .fuse([], "shared"), 128),
        (.getAttributes, node, .fuse([UInt64(0), UInt64(0)]), 104),
      ])
    let directory = try FileDescriptor(opening: bench.folder.path, 0).release()
    defer { _ = FileDescriptor(owning: directory) }
    let result = try bench.measure(
      Comparison(
        name: "look a name up, then its attributes, beside fstatat twice", operations: 8,
        device: Way { try rig.chains.submitEach(16) },
        host: Way { for _ in 0..<16 { try Host.attributes(of: "shared", in: directory) } }))
    try rig.check()
    return result
  }

  private static func status(_ bench: InProcess) throws -> Comparison.Result {
    let fuse = try start(bench)
    let node = try node(fuse)
    let rig = try ShareRig(fuse, [(.getAttributes, node, .fuse([UInt64(0), UInt64(0)]), 104)])
    let directory = try FileDescriptor(opening: bench.folder.path, 0).release()
    defer { _ = FileDescriptor(owning: directory) }
    let result = try bench.measure(
      Comparison(
        name: "attributes of a known file, beside fstatat", operations: 16,
        device: Way { try rig.chains.submitEach(16) },
        host: Way { for _ in 0..<16 { try Host.attributes(of: "shared", in: directory) } }))
    try rig.check()
    return result
  }
}
