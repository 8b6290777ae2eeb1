/// The device status field (virtio 1.2, section 2.1).
struct DeviceStatus: OptionSet, Hashable {
  let rawValue: UInt8

  static let acknowledge = DeviceStatus(rawValue: 1)
  static let driver = DeviceStatus(rawValue: 2)
  static let driverOK = DeviceStatus(rawValue: 4)
  static let featuresOK = DeviceStatus(rawValue: 8)
  static let needsReset = DeviceStatus(rawValue: 64)
  static let failed = DeviceStatus(rawValue: 128)

  /// Each step of the initialization a driver may take (3.1.1). The first two may be taken at once.
  private static let steps: [(from: DeviceStatus, to: DeviceStatus)] = [
    ([], .acknowledge),
    ([], [.acknowledge, .driver]),
    (.acknowledge, [.acknowledge, .driver]),
    ([.acknowledge, .driver], [.acknowledge, .driver, .featuresOK]),
    ([.acknowledge, .driver, .featuresOK], [.acknowledge, .driver, .featuresOK, .driverOK]),
  ]

  /// Whether a driver may write `next` now. Giving up (FAILED) is allowed at any time; so is a reset, which is no
  /// status but the value 0.
  func allows(_ next: DeviceStatus) -> Bool {
    if contains(.failed) { return false }
    if next == union(.failed) { return true }
    return Self.steps.contains { $0.from == self && $0.to == next }
  }
}
