/// The registers of a virtio-mmio window that the driver writes, as after a reset.
struct TransportState {
  /// The registers of one queue; frozen once it is ready.
  struct Queue {
    var size: UInt32 = 0
    var descriptors: UInt64 = 0
    var available: UInt64 = 0
    var used: UInt64 = 0
    /// Set when the driver made the queue ready and it was found right.
    var layout: QueueLayout?
  }

  var deviceFeaturesSelect: UInt32 = 0
  var driverFeaturesSelect: UInt32 = 0
  var driverFeatures: Features = []
  var queueSelect: UInt32 = 0
  var status: DeviceStatus = []
  var queues: [Queue]

  init(queueCount: Int) { queues = [Queue](repeating: Queue(), count: queueCount) }

  /// The queue that QueueSel names, nil if there is none.
  var selectedQueue: Queue? {
    get { queueSelect < UInt32(queues.count) ? queues[Int(queueSelect)] : nil }
    set {
      guard queueSelect < UInt32(queues.count), let newValue else { return }
      queues[Int(queueSelect)] = newValue
    }
  }

  /// Queues are set up between FEATURES_OK and DRIVER_OK (virtio 1.2, 3.1.1, step 7).
  var acceptsQueueSetup: Bool {
    status.contains(.featuresOK) && status.isDisjoint(with: [.driverOK, .failed])
  }

  /// Writes a register that only holds a value. False if the driver may not write it now; read-only and unknown
  /// registers, and those of a queue that does not exist, take any write and keep nothing.
  mutating func write(_ register: MMIORegister, _ value: UInt32) -> Bool {
    switch register {
    case .deviceFeaturesSelect: deviceFeaturesSelect = value
    case .driverFeaturesSelect: driverFeaturesSelect = value
    case .queueSelect: queueSelect = value
    case .driverFeatures:
      guard !status.contains(.featuresOK) else { return false }
      driverFeatures = driverFeatures.replacingWindow(driverFeaturesSelect, with: value)
    case .queueSize, .queueDescriptorsLow, .queueDescriptorsHigh, .queueDriverLow, .queueDriverHigh,
      .queueDeviceLow, .queueDeviceHigh:
      return writeQueue(register, value)
    default: break
    }
    return true
  }

  private mutating func writeQueue(_ register: MMIORegister, _ value: UInt32) -> Bool {
    guard var queue = selectedQueue else { return true }
    guard acceptsQueueSetup, queue.layout == nil else { return false }
    switch register {
    case .queueSize: queue.size = value
    case .queueDescriptorsLow: queue.descriptors.replaceHalf(high: false, with: value)
    case .queueDescriptorsHigh: queue.descriptors.replaceHalf(high: true, with: value)
    case .queueDriverLow: queue.available.replaceHalf(high: false, with: value)
    case .queueDriverHigh: queue.available.replaceHalf(high: true, with: value)
    case .queueDeviceLow: queue.used.replaceHalf(high: false, with: value)
    case .queueDeviceHigh: queue.used.replaceHalf(high: true, with: value)
    default: break
    }
    selectedQueue = queue
    return true
  }
}

extension UInt64 {
  /// Replaces the upper or the lower 32 bits.
  mutating func replaceHalf(high: Bool, with half: UInt32) {
    self = high ? self & 0xFFFF_FFFF | UInt64(half) << 32 : self & ~0xFFFF_FFFF | UInt64(half)
  }
}
