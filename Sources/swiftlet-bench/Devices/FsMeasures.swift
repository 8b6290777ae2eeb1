import Backends
import Bench
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

  /// Makes a request available to read or write at `offset`.
  func transfer(_ index: Int, at offset: Int) throws {
    // Behind the header of 40 bytes and the handle.
    try chains.driver.memory.store(UInt64(offset), at: GuestAddress(headers[index] + 48))
    try chains.submit(index)
  }

  /// Opens by the first request and closes by the second, which is told what was opened.
  func openAndClose() throws {
    try chains.submit(0)
    let handle = try chains.driver.memory.load(UInt64.self, at: GuestAddress(replies[0].address + 16))
    try chains.driver.memory.store(handle, at: GuestAddress(headers[1] + 40))
    try chains.submit(1)
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

/// The shared directory `folder` with a file in it.
struct FsMeasures {
  private typealias Request = (FuseDriver.Operation, UInt64, [UInt8], room: Int)
  private static let size = 16 << 20
  private static let name = "shared"
  /// Bytes of the answers with an entry, and with attributes.
  private static let entryRoom = 128
  private static let attributesRoom = 104

  private let bench: InProcess
  private let folder: TemporaryFolder

  static func measure(_ bench: InProcess, _ findings: inout DeviceFindings) throws {
    let folder = try TemporaryFolder(in: bench.folder.path)
    _ = try folder.file(name, count: size)
    let measures = FsMeasures(bench: bench, folder: folder)
    findings.add([
      try measures.transfer("directory: read 4 KiB", .read, 4 << 10),
      try measures.transfer("directory: read 128 KiB in sequence", .read, 128 << 10),
      try measures.transfer("directory: write 4 KiB", .write, 4 << 10),
      try measures.transfer("directory: write 128 KiB in sequence", .write, 128 << 10),
      try measures.named("directory: look a name up, then its attributes, beside fstatat twice", works: 8) {
        node in
        [
          (.lookUp, 1, .fuse([], name), entryRoom),
          (.getAttributes, node, .fuse([UInt64(0), UInt64(0)]), attributesRoom),
        ]
      },
      try measures.named("directory: attributes of a known file, beside fstatat", works: 16) { node in
        [(.getAttributes, node, .fuse([UInt64(0), UInt64(0)]), attributesRoom)]
      },
      try measures.openAndClose(),
    ])
  }

  /// A session, and the node of the file.
  private func start() throws -> (FuseDriver, UInt64) {
    let shared = try SharedDirectory(path: folder.path, isReadOnly: false, limits: .init(descriptors: 64))
    let fuse = try FuseDriver(FakeDriver(FsDevice(tag: "bench", folder: shared)))
    guard let reply = try fuse.request(.lookUp, 1, .fuse([], Self.name)), reply.error == 0 else {
      throw Failure("the shared file is not found")
    }
    return (fuse, reply.number(0))
  }

  private func transfer(
    _ name: String, _ operation: FuseDriver.Operation, _ length: Int
  ) throws -> SideBySide.Result {
    let isWrite = operation == .write
    let (fuse, node) = try start()
    let opened = try fuse.request(.open, node, .fuse([UInt32(2), UInt32(0)]))
    guard let opened, opened.error == 0 else { throw Failure("the shared file is not opened") }
    let body: [any FixedWidthInteger] = [
      opened.number(0), UInt64(0), UInt32(length), UInt32(0), UInt64(0), UInt32(0), UInt32(0),
    ]
    let data = [UInt8](repeating: 7, count: isWrite ? length : 0)
    let request: Request = (operation, node, .fuse(body) + data, room: isWrite ? 8 : length)
    let rig = try ShareRig(fuse, [Request](repeating: request, count: 8))
    let (devicePlaces, hostPlaces) = (Places(count: Self.size / length), Places(count: Self.size / length))
    let buffer = try HostBuffer(count: length)
    let file = try FileDescriptor(opening: "\(folder.path)/\(Self.name)", 2).release()
    defer { _ = FileDescriptor(owning: file) }
    let call = isWrite ? buffer.write(_:_:at:) : buffer.read(_:_:at:)
    return try check(
      rig,
      SideBySide(
        name: name, operations: 8, bytes: length,
        device: Way { for index in 0..<8 { try rig.transfer(index, at: devicePlaces.next() * length) } },
        host: Way { for _ in 0..<8 { try call(file, length, hostPlaces.next() * length) } }))
  }

  /// - Parameter works: how often each of the requests is made at a call: 16 requests in all.
  private func named(
    _ name: String, works: Int, _ requests: (_ node: UInt64) -> [Request]
  ) throws -> SideBySide.Result {
    let (fuse, node) = try start()
    let rig = try ShareRig(fuse, requests(node))
    return try compare(name, rig, works: works, { try rig.chains.submitEach(16) }) { directory in
      for _ in 0..<16 { try Host.attributes(of: Self.name, in: directory) }
    }
  }

  private func openAndClose() throws -> SideBySide.Result {
    let (fuse, node) = try start()
    let rig = try ShareRig(
      fuse,
      [
        (.open, node, .fuse([UInt32(2), UInt32(0)]), 16),
        (.release, node, .fuse([UInt64(0), UInt64(0), UInt64(0)]), 0),
      ])
    let name = "directory: open and close, beside the same by a name"
    return try compare(name, rig, works: 8, { for _ in 0..<8 { try rig.openAndClose() } }) { directory in
      for _ in 0..<8 { try Host.open(Self.name, in: directory) }
    }
  }

  private func compare(
    _ name: String, _ rig: ShareRig, works: Int, _ device: @escaping () throws -> Void,
    _ host: @escaping (_ directory: Int32) throws -> Void
  ) throws -> SideBySide.Result {
    let directory = try FileDescriptor(opening: folder.path, 0).release()
    defer { _ = FileDescriptor(owning: directory) }
    return try check(
      rig,
      SideBySide(
        name: name, operations: works, device: Way(work: device), host: Way { try host(directory) }))
  }

  private func check(_ rig: ShareRig, _ comparison: SideBySide) throws -> SideBySide.Result {
    let result = try bench.measure(comparison)
    try rig.check()
    return result
  }
}
