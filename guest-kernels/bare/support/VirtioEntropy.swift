import Platform

/// An entropy device with its queue (virtio 1.2, section 5.4).
struct EntropyDriver {
  let device: VirtioDevice
  let features: UInt64
  var queue: VirtioQueue

  /// Brings the device up. nil when it does not come up.
  init?(_ device: VirtioDevice, wanted: UInt64) {
    guard let agreed = device.negotiate(wanted) else { return nil }
    self.device = device
    features = agreed
    queue = VirtioQueue(0, size: 8, features: agreed)
    guard device.attach(queue) else { return nil }
    device.run()
  }

  /// Asks for `length` bytes; returns how many came, nil when the device got stuck.
  mutating func fill(_ data: UInt64, _ length: UInt32) -> UInt32? {
    queue.begin()
    queue.add(data, length, writable: true)
    return queue.complete(device)
  }
}
