public import GuestMemory

/// What a transport shows of a device, fixed when the device is made.
public struct VirtioIdentity: Sendable {
  /// The device type (virtio 1.2, section 5).
  public let deviceID: UInt32
  /// Every feature offered.
  public let features: Features
  /// The largest size of each queue; powers of two.
  public let queueSizes: [UInt16]
  public let configuration: ConfigurationSpace

  init(
    deviceID: UInt32, features: Features, queueSizes: [UInt16],
    configuration: ConfigurationSpace
  ) {
    self.deviceID = deviceID
    self.features = features.union(.common)
    self.queueSizes = queueSizes
    self.configuration = configuration
  }
}

/// What a device gets when its driver is ready: everything it needs until the next reset.
///
/// Not Sendable: it is sent to the I/O thread once and used there only.
public struct VirtioActivation {
  /// The features both sides agreed on.
  public let features: Features
  /// One per queue of the device; nil where the driver did not set the queue up.
  public let queues: [VirtioQueue?]
  public let memory: GuestMemory
  public let interrupt: VirtioInterrupt
}

/// The device proper, on the I/O thread.
///
/// After `activate`, and whenever the driver notifies a queue, `process` is called for it.
public protocol VirtioDevice: AnyObject {
  var identity: VirtioIdentity { get }

  /// The driver is ready (DRIVER_OK).
  func activate(_ activation: VirtioActivation)

  /// Does what the queue has to do, a bounded amount.
  /// - Returns: True if there is more to do now: to be called again after others have had their turn.
  func process(queue: Int) -> Bool

  /// Drops the activation: no queue is touched from here on.
  func reset()
}

/// The I/O thread as a transport sees it. Called on vCPU threads.
public protocol VirtioQueueHost: Sendable {
  /// Gives the device its activation, then has it process every queue once.
  func activate(_ activation: sending VirtioActivation)

  /// Resets the device. Returns when the device has dropped its activation, at once if the I/O thread has ended.
  func reset()

  /// Has the device process a queue. Calls may merge.
  func notify(queue: Int)
}
