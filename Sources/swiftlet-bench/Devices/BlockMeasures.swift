import Backends
import Bench
import DeviceFakes
import Devices
import GuestMemory
import LinuxSystem

/// A disk in a file, with requests at hand for it.
private final class DiskRig {
  private static let firstData: UInt64 = 4 << 20
  private static let header: UInt64 = 2 << 20
  static let depth = 32

  let requests: Chains
  var kind: UInt32
  private let store: DiskFile
  private let device: BlockDevice

  /// - Parameter length: bytes of data in each request.
  init(path: String, _ options: DiskFile.Options, kind: UInt32, length: Int) throws {
    self.kind = kind
    store = try DiskFile(path: path, options) { standardError("the host refuses: \($0)" + "\n") }
    if let refusal = store.ringRefusal { throw refusal }
    device = BlockDevice(store: store)
    let driver = try FakeDriver(device, memorySize: 16 << 20)
    try driver.start()
    requests = try Chains(driver, queue: 0)
    for place in 0..<UInt64(Self.depth) {
      let header = Self.header + 32 * place
      var chain = [FakeDriver.Buffer(address: header, length: 16)]
      if length > 0 {
        chain.append(
          .init(
            address: Self.firstData + UInt64(length) * place, length: UInt32(length),
            isWritable: kind == Kind.read))
      }
      try requests.add(chain + [.init(address: header + 16, length: 1, isWritable: true)])
    }
  }

  enum Kind {
    static let read: UInt32 = 0
    static let write: UInt32 = 1
    static let flush: UInt32 = 4
  }

  /// Makes a request available, of ``kind`` and at `offset`.
  func submit(_ place: Int, at offset: Int, notifying: Bool = true) throws {
    let header = Self.header + 32 * UInt64(place % Self.depth)
    try requests.driver.memory.store(kind, at: GuestAddress(header))
    try requests.driver.memory.store(UInt64(offset / 512), at: GuestAddress(header + 8))
    try requests.submit(place, notifying: notifying)
  }

  /// Waits as the monitor's I/O thread does.
  func finish() throws {
    while try !requests.isDone() {
      try Host.waitUntilReadable(store.wake.descriptor)
      store.reap()
      device.publishFinished()
    }
  }

  func check() throws {
    try requests.checkDone()
    for place in 0..<UInt64(Self.depth) {
      let status = try requests.driver.memory.load(
        UInt8.self, at: GuestAddress(Self.header + 32 * place + 16))
      guard status == 0 else { throw Failure("a request ends with status \(status)") }
    }
  }
}

/// A disk that is done with everything at once.
private final class Nowhere: BlockStore {
  let sectorCount: UInt64 = 1 << 20
  let blockSize: UInt32 = 512
  let isReadOnly = false
  let serialNumber = ""
  weak var client: (any BlockStoreClient)?

  func transfer(
    _ kind: BlockTransfer, _ slices: [GuestSlice], of memory: GuestMemory, at offset: UInt64, ticket: UInt64
  ) -> BlockOutcome { .done }
  func flush(ticket: UInt64) -> BlockOutcome { .done }
  func discard(at offset: UInt64, count: UInt64) -> BlockOutcome { .done }
  func writeZeroes(at offset: UInt64, count: UInt64, mayUnmap: Bool) -> BlockOutcome { .done }
  func submit() {}
  func settle() {}
}

struct BlockMeasures {
  static let imageSize = 64 << 20

  private struct Engine {
    let name: String
    let isDirect: Bool
    let usesRing: Bool
  }
  private static let engines = [
    Engine(name: "page cache", isDirect: false, usesRing: false),
    Engine(name: "page cache, io_uring", isDirect: false, usesRing: true),
    Engine(name: "direct, synchronous", isDirect: true, usesRing: false),
    Engine(name: "direct, io_uring", isDirect: true, usesRing: true),
  ]

  private let image: String
  private let bench: InProcess

  static func measure(_ bench: InProcess, _ findings: inout DeviceFindings) throws {
    let measures = BlockMeasures(image: try bench.folder.file("disk", count: imageSize), bench: bench)
    var results = [try measures.queueAlone()]
    for engine in engines { results += try measures.all(engine) }
    results.append(try measures.flush(usesRing: false))
    results.append(try measures.flush(usesRing: true))
    findings.add(results)
  }

  private func all(_ engine: Engine) throws -> [SideBySide.Result] {
    [
      try one("read 4 KiB", engine, DiskRig.Kind.read, 4 << 10),
      try one("write 4 KiB", engine, DiskRig.Kind.write, 4 << 10),
      try one("read 32 × 4 KiB at once, each", engine, DiskRig.Kind.read, 4 << 10, together: DiskRig.depth),
      try one("read 128 KiB in sequence", engine, DiskRig.Kind.read, 128 << 10, isSequential: true),
      try one("write 128 KiB in sequence", engine, DiskRig.Kind.write, 128 << 10, isSequential: true),
    ]
  }

  private func open(direct: Bool) throws -> FileDescriptor {
    let file = try FileDescriptor(opening: image, 2)
    return direct ? try file.reopenedDirectly(readOnly: false) : file
  }

  /// - Parameter together: requests made available by one notification.
  private func one(
    _ name: String, _ engine: Engine, _ kind: UInt32, _ length: Int, together: Int = 1,
    isSequential: Bool = false
  ) throws -> SideBySide.Result {
    let options = DiskFile.Options(isDirect: engine.isDirect, usesRing: engine.usesRing)
    let rig = try DiskRig(path: image, options, kind: kind, length: length)
    let file = try open(direct: engine.isDirect).release()
    defer { _ = FileDescriptor(owning: file) }
    let buffer = try HostBuffer(count: length)
    let operations = max(together, engine.isDirect || length > 4096 ? 4 : 16)
    let count = Self.imageSize / length
    let (devicePlaces, hostPlaces) = (
      Places(count: count, isSequential: isSequential), Places(count: count, isSequential: isSequential)
    )
    let device = Way {
      for index in 0..<operations {
        try rig.submit(index, at: devicePlaces.next() * length, notifying: (index + 1) % together == 0)
        if (index + 1) % together == 0 { try rig.finish() }
      }
    }
    let host = Way {
      for _ in 0..<operations {
        let offset = hostPlaces.next() * length
        if kind == DiskRig.Kind.read {
          try buffer.read(file, length, at: offset)
        } else {
          try buffer.write(file, length, at: offset)
        }
      }
    }
    let result = try bench.measure(
      SideBySide(
        name: "block, \(engine.name): \(name)", operations: operations, bytes: length > 4096 ? length : nil,
        device: device, host: host))
    try rig.check()
    return result
  }

  /// Each flush has a write of 4 KiB before it, which is not timed.
  private func flush(usesRing: Bool) throws -> SideBySide.Result {
    let rig = try DiskRig(path: image, .init(usesRing: usesRing), kind: DiskRig.Kind.write, length: 4096)
    let file = try open(direct: false).release()
    defer { _ = FileDescriptor(owning: file) }
    let buffer = try HostBuffer(count: 4096)
    let places = Places(count: Self.imageSize / 4096, isSequential: false)
    let device = Way(prepare: {
      rig.kind = DiskRig.Kind.write
      try rig.submit(0, at: places.next() * 4096)
      try rig.finish()
      rig.kind = DiskRig.Kind.flush
    }) {
      try rig.submit(1, at: 0)
      try rig.finish()
    }
    let host = Way(prepare: { try buffer.write(file, 4096, at: places.next() * 4096) }) {
      try Host.synchronize(file)
    }
    let name = "block, \(usesRing ? "page cache, io_uring" : "page cache"): flush of a 4 KiB write"
    let result = try bench.measure(SideBySide(name: name, operations: 1, device: device, host: host))
    try rig.check()
    return result
  }

  /// What a request costs that asks nothing of the host, beside the least a system call costs.
  private func queueAlone() throws -> SideBySide.Result {
    let driver = try FakeDriver(BlockDevice(store: Nowhere()))
    try driver.start()
    let chains = try Chains(driver, queue: 0)
    try chains.add([
      driver.readable([UInt8](repeating: 0, count: 16)), driver.writable(4096), driver.writable(1),
    ])
    let buffer = try HostBuffer(count: 4096)
    let empty = try FileDescriptor(opening: "/dev/null", 2).release()
    defer { _ = FileDescriptor(owning: empty) }
    let result = try bench.measure(
      SideBySide(
        name: "block: the queue alone, beside a write to /dev/null", operations: 64,
        device: Way { try chains.submitEach(64) },
        host: Way { for _ in 0..<64 { try buffer.write(empty, 4096) } }))
    try chains.checkDone()
    return result
  }
}
