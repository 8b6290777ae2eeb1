import Platform

/// Registers of a virtio-mmio window, as offsets (virtio 1.2, section 4.2.2).
enum Register {
  static let magic: UInt64 = 0x000
  static let version: UInt64 = 0x004
  static let deviceID: UInt64 = 0x008
  static let deviceFeatures: UInt64 = 0x010
  static let deviceFeaturesSel: UInt64 = 0x014
  static let driverFeatures: UInt64 = 0x020
  static let driverFeaturesSel: UInt64 = 0x024
  static let queueSel: UInt64 = 0x030
  static let queueNumMax: UInt64 = 0x034
  static let queueNum: UInt64 = 0x038
  static let queueReady: UInt64 = 0x044
  static let queueNotify: UInt64 = 0x050
  static let interruptStatus: UInt64 = 0x060
  static let interruptACK: UInt64 = 0x064
  static let status: UInt64 = 0x070
  static let queueDescLow: UInt64 = 0x080
  static let queueDriverLow: UInt64 = 0x090
  static let queueDeviceLow: UInt64 = 0x0a0
  static let sharedMemorySel: UInt64 = 0x0ac
  static let sharedMemoryLenLow: UInt64 = 0x0b0
  static let configGeneration: UInt64 = 0x0fc
  static let config: UInt64 = 0x100
}

/// Bits of the status register (virtio 1.2, section 2.1).
enum Status {
  static let acknowledge: UInt32 = 1
  static let driver: UInt32 = 2
  static let driverOK: UInt32 = 4
  static let featuresOK: UInt32 = 8
  static let needsReset: UInt32 = 64
  static let failed: UInt32 = 128
}

/// Device-independent feature bits (virtio 1.2, section 6).
enum Feature {
  static let indirectDesc: UInt64 = 1 << 28
  static let eventIndex: UInt64 = 1 << 29
  static let version1: UInt64 = 1 << 32
}

enum DeviceKind: UInt32 {
  case network = 1
  case block = 2
  case console = 3
  case entropy = 4
  case balloon = 5
  case socket = 19
  case share = 26
}

/// A virtio-mmio window with a device in it.
struct VirtioDevice {
  static let windowCount: UInt64 = 17
  private static let magic: UInt32 = 0x7472_6976

  let window: UInt64
  let id: UInt32

  var base: UInt64 { 0xd000_0000 &+ window << 12 }
  var kind: DeviceKind? { DeviceKind(rawValue: id) }

  /// nil when the window is absent or empty.
  init?(window: UInt64) {
    let base = 0xd000_0000 &+ window << 12
    guard load32(base) == VirtioDevice.magic else { return nil }
    id = load32(base &+ Register.deviceID)
    self.window = window
    if id == 0 { return nil }
  }

  func read(_ register: UInt64) -> UInt32 { load32(base &+ register) }
  func write(_ register: UInt64, _ value: UInt32) { store32(base &+ register, value) }

  /// Writes a 64-bit value to a pair of registers.
  func write(pair register: UInt64, _ value: UInt64) {
    write(register, UInt32(truncatingIfNeeded: value))
    write(register &+ 4, UInt32(truncatingIfNeeded: value >> 32))
  }

  var features: UInt64 {
    write(Register.deviceFeaturesSel, 0)
    let low = UInt64(read(Register.deviceFeatures))
    write(Register.deviceFeaturesSel, 1)
    return low | UInt64(read(Register.deviceFeatures)) << 32
  }

  func accept(features: UInt64) {
    write(Register.driverFeaturesSel, 0)
    write(Register.driverFeatures, UInt32(truncatingIfNeeded: features))
    write(Register.driverFeaturesSel, 1)
    write(Register.driverFeatures, UInt32(truncatingIfNeeded: features >> 32))
  }

  /// How many queues the device has.
  var queueCount: Int {
    for index in 0..<UInt32(64) {
      write(Register.queueSel, index)
      if read(Register.queueNumMax) == 0 { return Int(index) }
    }
    return 64
  }

  func reset() -> Bool {
    write(Register.status, 0)
    return Patience.wait { read(Register.status) == 0 }
  }

  /// Reset and negotiation up to FEATURES_OK, with those of the `wanted` features that are offered.
  /// Returns what was agreed on, nil when the device does not agree.
  func negotiate(_ wanted: UInt64) -> UInt64? {
    guard reset() else { return nil }
    write(Register.status, Status.acknowledge)
    write(Register.status, Status.acknowledge | Status.driver)
    let agreed = features & (wanted | Feature.version1)
    accept(features: agreed)
    let ready = Status.acknowledge | Status.driver | Status.featuresOK
    write(Register.status, ready)
    return read(Register.status) == ready ? agreed : nil
  }

  /// Ends initialization: from here on the device serves its queues.
  func run() {
    write(Register.status, Status.acknowledge | Status.driver | Status.featuresOK | Status.driverOK)
  }

  /// Tells the device where a queue is. False when the queue does not exist or is too small for `queue`.
  func attach(_ queue: VirtioQueue) -> Bool {
    write(Register.queueSel, queue.index)
    guard read(Register.queueNumMax) >= UInt32(queue.size) else { return false }
    write(Register.queueNum, UInt32(queue.size))
    write(pair: Register.queueDescLow, queue.descriptors)
    write(pair: Register.queueDriverLow, queue.available)
    write(pair: Register.queueDeviceLow, queue.used)
    write(Register.queueReady, 1)
    return read(Register.queueReady) == 1
  }

  func notify(_ queue: UInt32) { write(Register.queueNotify, queue) }
}

/// How long a guest waits for a device before it calls it stuck, in cycles of the time stamp counter.
enum Patience {
  /// Several seconds unless the guest says otherwise.
  nonisolated(unsafe) static var limit: UInt64 = 1 << 34

  static func wait(_ condition: () -> Bool) -> Bool { wait(cycles: limit, condition) }

  static func wait(cycles: UInt64, _ condition: () -> Bool) -> Bool {
    let start = timestamp()
    while !condition() {
      if timestamp() &- start > cycles { return false }
      spin_hint()
    }
    return true
  }
}
