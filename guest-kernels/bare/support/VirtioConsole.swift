import Platform

/// A console device with both queues of its first port (virtio 1.2, section 5.3).
struct ConsoleDriver {
  enum FeatureBit {
    static let size: UInt64 = 1 << 0
  }

  let device: VirtioDevice
  let features: UInt64
  var receive: VirtioQueue
  var transmit: VirtioQueue

  /// Brings the device up. nil when it does not come up.
  init?(_ device: VirtioDevice, wanted: UInt64) {
    guard let agreed = device.negotiate(wanted | FeatureBit.size) else { return nil }
    self.device = device
    features = agreed
    receive = VirtioQueue(0, size: 8, features: agreed)
    transmit = VirtioQueue(1, size: 16, features: agreed)
    guard device.attach(receive), device.attach(transmit) else { return nil }
    device.run()
  }

  /// Sends one buffer; false when the device got stuck.
  mutating func send(_ data: UInt64, _ length: UInt32) -> Bool {
    transmit.begin()
    transmit.add(data, length)
    return transmit.complete(device) != nil
  }
}
