package import Devices
package import GuestMemory
import LinuxSystem

/// The I/O thread of a test: does everything at once, on the test's own thread, but one thing after the other.
///
/// Sendable without check: a test uses it on one thread.
package final class DirectHost: VirtioQueueHost, @unchecked Sendable {
  private let device: any VirtioDevice
  package private(set) var isActive = false
  package private(set) var resets = 0
  private var notified: [Int] = []
  private var isServing = false

  package init(_ device: any VirtioDevice) {
    self.device = device
    (device as? ConsoleDevice)?.begin { [unowned self] in notify(queue: $0) }
  }

  package func activate(_ activation: sending VirtioActivation) {
    let queueCount = activation.queues.count
    isActive = true
    device.activate(activation)
    for queue in 0..<queueCount { notify(queue: queue) }
  }

  package func reset() {
    isActive = false
    resets += 1
    device.reset()
  }

  package func notify(queue: Int) {
    notified.append(queue)
    if isServing { return }
    isServing = true
    defer { isServing = false }
    while !notified.isEmpty {
      let next = notified.removeFirst()
      while device.process(queue: next) {}
    }
  }
}

/// A virtio-mmio driver as small as it can be: all registers and rings by hand, so that tests can break every rule.
package final class FakeDriver {
  package struct Buffer {
    package var address: UInt64
    package var length: UInt32
    package var isWritable = false

    package init(address: UInt64, length: UInt32, isWritable: Bool = false) {
      self.address = address
      self.length = length
      self.isWritable = isWritable
    }
  }

  package struct Used: Equatable {
    package let head: UInt32
    package let written: UInt32

    package init(head: UInt32, written: UInt32) {
      self.head = head
      self.written = written
    }
  }

  package enum Register {
    package static let deviceFeatures: UInt64 = 0x010
    package static let deviceFeaturesSelect: UInt64 = 0x014
    package static let driverFeatures: UInt64 = 0x020
    package static let driverFeaturesSelect: UInt64 = 0x024
    package static let queueSelect: UInt64 = 0x030
    package static let queueSizeMax: UInt64 = 0x034
    package static let queueSize: UInt64 = 0x038
    package static let queueReady: UInt64 = 0x044
    package static let queueNotify: UInt64 = 0x050
    package static let interruptStatus: UInt64 = 0x060
    package static let interruptAcknowledge: UInt64 = 0x064
    package static let status: UInt64 = 0x070
    package static let queueDescriptors: UInt64 = 0x080
    package static let queueDriver: UInt64 = 0x090
    package static let queueDevice: UInt64 = 0x0A0
    package static let generation: UInt64 = 0x0FC
    package static let configuration: UInt64 = 0x100
  }

  package static let indirect: UInt64 = 1 << 28
  package static let eventIndex: UInt64 = 1 << 29
  package static let version1: UInt64 = 1 << 32
  package static let window: UInt64 = 0xD000_0000

  package let memory: GuestMemory
  package let line = RecordingLine()
  package let events = RecordingEvents()
  package let host: DirectHost
  package let bus: Bus
  private var queueSizes: [Int: Int] = [:]
  private var nextDescriptor: [Int: Int] = [:]
  private var nextAvailable: [Int: UInt16] = [:]
  private var lastUsed: [Int: UInt16] = [:]
  private var nextBuffer: UInt64 = 0x10_0000

  package convenience init(_ device: any VirtioDevice, memorySize: UInt64 = 8 << 20) throws {
    try self.init(device, memory: GuestMemory(size: memorySize)) { $0 }
  }

  /// - Parameter watch: what is put on the bus instead of the transport, to see each access.
  package init(
    _ device: any VirtioDevice, memory: GuestMemory, watch: (MMIOTransport) -> any BusDevice
  ) throws {
    self.memory = memory
    host = DirectHost(device)
    let transport = MMIOTransport(
      name: "device", identity: device.identity, memory: memory, line: line, host: host, events: events)
    var builder = BusBuilder()
    try builder.insert(watch(transport), at: Self.window, size: MMIOTransport.size, name: "virtio")
    bus = builder.build()
  }

  // MARK: Registers

  package func read(_ register: UInt64) -> UInt32 {
    UInt32(bus.read(address: Self.window + register, width: .double))
  }

  package func write(_ register: UInt64, _ value: UInt32) {
    bus.write(address: Self.window + register, width: .double, value: UInt64(value))
  }

  package func writeAddress(_ register: UInt64, _ value: UInt64) {
    write(register, UInt32(truncatingIfNeeded: value))
    write(register + 4, UInt32(truncatingIfNeeded: value >> 32))
  }

  package var status: UInt32 { read(Register.status) }

  package var offeredFeatures: UInt64 {
    write(Register.deviceFeaturesSelect, 0)
    let low = UInt64(read(Register.deviceFeatures))
    write(Register.deviceFeaturesSelect, 1)
    return low | UInt64(read(Register.deviceFeatures)) << 32
  }

  package func acceptFeatures(_ features: UInt64) {
    write(Register.driverFeaturesSelect, 0)
    write(Register.driverFeatures, UInt32(truncatingIfNeeded: features))
    write(Register.driverFeaturesSelect, 1)
    write(Register.driverFeatures, UInt32(truncatingIfNeeded: features >> 32))
  }

  // MARK: Initialization

  /// Resets the device and goes up to FEATURES_OK with all offered features but those in `without`.
  package func negotiate(without: UInt64 = 0) {
    write(Register.status, 0)
    write(Register.status, 1)
    write(Register.status, 3)
    acceptFeatures(offeredFeatures & ~without)
    write(Register.status, 11)
  }

  package static func descriptors(_ queue: Int) -> UInt64 { 0x1_0000 * UInt64(queue + 1) }
  package static func available(_ queue: Int) -> UInt64 { descriptors(queue) + 0x4000 }
  package static func used(_ queue: Int) -> UInt64 { descriptors(queue) + 0x8000 }

  /// The number of descriptors a queue was set up with.
  package func size(_ queue: Int) -> Int { queueSizes[queue] ?? 0 }

  /// Makes a queue ready; its rings are cleared.
  package func setUpQueue(_ queue: Int, size: Int? = nil) throws {
    write(Register.queueSelect, UInt32(queue))
    let size = size ?? Int(read(Register.queueSizeMax))
    let start = Self.descriptors(queue)
    memory.fill(try memory.slice(at: GuestAddress(start), count: 0x1_0000), with: 0)
    write(Register.queueSize, UInt32(size))
    writeAddress(Register.queueDescriptors, start)
    writeAddress(Register.queueDriver, Self.available(queue))
    writeAddress(Register.queueDevice, Self.used(queue))
    write(Register.queueReady, 1)
    queueSizes[queue] = size
    nextDescriptor[queue] = 0
    nextAvailable[queue] = 0
    lastUsed[queue] = 0
  }

  /// Brings the device up with the given queues.
  package func start(queues: Int = 1, size: Int? = nil, without: UInt64 = 0) throws {
    negotiate(without: without)
    for queue in 0..<queues { try setUpQueue(queue, size: size) }
    write(Register.status, 15)
  }

  // MARK: Buffers

  /// `count` fresh bytes of guest memory.
  package func allocate(_ count: Int) -> UInt64 {
    defer { nextBuffer += (UInt64(count) + 15) / 16 * 16 }
    return nextBuffer
  }

  /// Buffers made before may be given out again.
  package func reuseMemory() { nextBuffer = 0x10_0000 }

  package func readable(_ bytes: [UInt8]) throws -> Buffer {
    let address = allocate(bytes.count)
    try memory.copyIn(bytes, to: GuestAddress(address))
    return Buffer(address: address, length: UInt32(bytes.count))
  }

  package func writable(_ count: Int) -> Buffer {
    Buffer(address: allocate(count), length: UInt32(count), isWritable: true)
  }

  package func bytes(_ buffer: Buffer, _ count: Int? = nil) throws -> [UInt8] {
    try memory.bytes(at: GuestAddress(buffer.address), count: UInt64(count ?? Int(buffer.length)))
  }

  // MARK: Rings

  package func writeDescriptor(
    table: UInt64, _ index: Int, address: UInt64, length: UInt32, flags: UInt16, next: UInt16 = 0
  ) throws {
    let place = table + 16 * UInt64(index)
    try memory.store(address, at: GuestAddress(place))
    try memory.store(length, at: GuestAddress(place + 8))
    try memory.store(flags, at: GuestAddress(place + 12))
    try memory.store(next, at: GuestAddress(place + 14))
  }

  /// Writes a chain at the next descriptors, wrapping, without making it available.
  /// - Returns: Its head.
  package func writeChain(_ queue: Int, _ buffers: [Buffer]) throws -> UInt16 {
    let size = queueSizes[queue] ?? 1
    let first = nextDescriptor[queue] ?? 0
    for (number, buffer) in buffers.enumerated() {
      let isLast = number == buffers.count - 1
      try writeDescriptor(
        table: Self.descriptors(queue), (first + number) % size, address: buffer.address,
        length: buffer.length, flags: (isLast ? 0 : 1) | (buffer.isWritable ? 2 : 0),
        next: UInt16((first + number + 1) % size))
    }
    nextDescriptor[queue] = (first + buffers.count) % size
    return UInt16(first)
  }

  /// Writes a chain into an indirect table and one descriptor that names it.
  package func writeIndirectChain(_ queue: Int, _ buffers: [Buffer]) throws -> UInt16 {
    let table = allocate(16 * buffers.count)
    for (number, buffer) in buffers.enumerated() {
      let isLast = number == buffers.count - 1
      try writeDescriptor(
        table: table, number, address: buffer.address, length: buffer.length,
        flags: (isLast ? 0 : 1) | (buffer.isWritable ? 2 : 0), next: UInt16(number + 1))
    }
    let size = queueSizes[queue] ?? 1
    let head = nextDescriptor[queue] ?? 0
    try writeDescriptor(
      table: Self.descriptors(queue), head, address: table, length: UInt32(16 * buffers.count), flags: 4)
    nextDescriptor[queue] = (head + 1) % size
    return UInt16(head)
  }

  package func makeAvailable(_ queue: Int, _ head: UInt16) throws {
    let index = nextAvailable[queue] ?? 0
    let slot = UInt64(index) % UInt64(queueSizes[queue] ?? 1)
    try memory.store(head, at: GuestAddress(Self.available(queue) + 4 + 2 * slot))
    nextAvailable[queue] = index &+ 1
    try memory.storeRelease(index &+ 1, at: GuestAddress(Self.available(queue) + 2))
  }

  package func notify(_ queue: Int) { write(Register.queueNotify, UInt32(queue)) }

  /// Makes a chain available and notifies the device.
  /// - Returns: What the device has used since the last call.
  package func submit(_ queue: Int, _ buffers: [Buffer]) throws -> [Used] {
    try makeAvailable(queue, writeChain(queue, buffers))
    notify(queue)
    return try takeUsed(queue)
  }

  /// What the device has used since the last call.
  package func takeUsed(_ queue: Int) throws -> [Used] {
    let index = try memory.loadAcquire(at: GuestAddress(Self.used(queue) + 2))
    var last = lastUsed[queue] ?? 0
    var used: [Used] = []
    while last != index {
      let place = Self.used(queue) + 4 + 8 * (UInt64(last) % UInt64(queueSizes[queue] ?? 1))
      used.append(
        Used(
          head: try memory.load(UInt32.self, at: GuestAddress(place)),
          written: try memory.load(UInt32.self, at: GuestAddress(place + 4))))
      last &+= 1
    }
    lastUsed[queue] = last
    return used
  }

  /// The violations reported since the last call.
  package func takeViolations() -> [DriverViolation] {
    events.take().compactMap { if case .violation(_, let kind) = $0 { kind } else { nil } }
  }
}
