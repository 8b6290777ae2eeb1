/// A rule of virtio 1.2 a driver broke.
public enum DriverViolation: UInt8, Error, Sendable, CaseIterable {
  /// The device status was written with a value that does not follow from the current one (3.1.1).
  case statusTransition
  /// A register was written after the point up to which the driver may change it (2.1, 4.2.2).
  case frozenRegister
  /// A queue was made ready with a size that is zero, not a power of two or above the maximum (2.7).
  case queueSize
  /// A queue was made ready with a part that is not aligned (2.7).
  case queueAlignment
  /// A queue was made ready with a part that is not in guest memory.
  case queueMemory
  /// A queue that does not exist was notified.
  case notifiedAbsentQueue
  /// The available index moved by more than the queue size (2.7.13).
  case availableIndex
  /// The available ring or a descriptor names a descriptor outside the table.
  case descriptorIndex
  /// A chain has more descriptors than its table, so it has a loop (2.7.5).
  case chainLength
  /// A chain's buffers are longer than 4 GiB together (2.7.5).
  case chainSize
  /// A device-readable descriptor follows a device-writable one (2.7.4).
  case chainOrder
  /// A buffer is not in guest memory.
  case bufferMemory
  /// An indirect descriptor where none is allowed, or an indirect table of a wrong size (2.7.5.3).
  case indirectTable
  /// A request lacks the parts its device type demands.
  case requestLayout
  /// A frame's header asks for what was not agreed on, or names a place outside the frame (5.1.6.2).
  case frameHeader
  /// A page given to the balloon is not in guest memory (5.5.6).
  case balloonPage
  /// A control message of a console that only the device sends, that names a port there is not, or a value that has no
  /// meaning (5.3.6.2).
  case controlMessage
}
