import Platform

/// A device with the queues it has, at most eight, whose rings stay where they are however often it is brought up.
struct Rig {
  static let queueLimit = 8
  private static let largestQueueSize: UInt32 = 16

  let device: VirtioDevice
  private(set) var count: Int
  var queues: [8 of VirtioQueue]

  /// nil when the device does not come out of its reset.
  init?(_ device: VirtioDevice) {
    guard device.reset() else { return nil }
    self.device = device
    count = min(device.queueCount, Rig.queueLimit)
    queues = [8 of VirtioQueue](repeating: VirtioQueue(0, size: 1, features: 0))
    for index in 0..<count {
      device.write(Register.queueSel, UInt32(index))
      let size = min(device.read(Register.queueNumMax), Rig.largestQueueSize)
      queues[index] = VirtioQueue(UInt32(index), size: UInt16(size), features: 0)
    }
  }

  /// Brings the device up anew with all it offers. False when it does not come up.
  mutating func start() -> Bool {
    guard device.negotiate(~0) != nil else { return false }
    for index in 0..<count {
      queues[index].restart()
      guard device.attach(queues[index]) else { return false }
    }
    device.run()
    return true
  }

  var needsReset: Bool { device.read(Register.status) & Status.needsReset != 0 }

  /// Makes one buffer available and tells the device.
  mutating func offer(_ queue: Int, _ address: UInt64, _ length: UInt32, writable: Bool) {
    queues[queue].begin(at: queues[queue].nextAvailable & (queues[queue].size &- 1))
    queues[queue].add(address, length, writable: writable)
    queues[queue].push()
    device.notify(UInt32(queue))
  }

  /// Has a request of one buffer, or one and another for the answer, done; returns the bytes written. nil when the
  /// device is stuck.
  mutating func request(
    _ queue: Int, _ message: UInt64, _ length: UInt32, answer: UInt64 = 0, _ room: UInt32 = 0
  ) -> UInt32? {
    queues[queue].begin()
    queues[queue].add(message, length)
    if room > 0 { queues[queue].add(answer, room, writable: true) }
    queues[queue].push()
    device.notify(UInt32(queue))
    return queues[queue].take()?.length
  }
}
