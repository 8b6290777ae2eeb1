/// Feature bits (virtio 1.2, section 2.2). Bits 0 to 23 belong to the device type.
public struct Features: OptionSet, Sendable, Hashable {
  public let rawValue: UInt64

  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// VIRTIO_F_INDIRECT_DESC: descriptors may name a table of descriptors.
  public static let indirectDescriptors = Features(rawValue: 1 << 28)
  /// VIRTIO_F_EVENT_IDX: either side says at which index it wants to hear from the other.
  public static let eventIndex = Features(rawValue: 1 << 29)
  /// VIRTIO_F_VERSION_1: the rules of virtio 1, the only ones spoken here.
  public static let version1 = Features(rawValue: 1 << 32)

  /// What every device here offers beside its own features.
  static let common: Features = [.indirectDescriptors, .eventIndex, .version1]

  /// The 32 bits that a selector register of value `selector` shows.
  func window(_ selector: UInt32) -> UInt32 {
    selector < 2 ? UInt32(truncatingIfNeeded: rawValue >> (32 * UInt64(selector))) : 0
  }

  /// These features with the 32 bits under `selector` replaced.
  func replacingWindow(_ selector: UInt32, with bits: UInt32) -> Features {
    guard selector < 2 else { return self }
    let shift = 32 * UInt64(selector)
    return Features(rawValue: rawValue & ~(0xFFFF_FFFF << shift) | UInt64(bits) << shift)
  }
}
