/// The width of one port or MMIO access: what the x86 buses carry.
public enum AccessWidth: UInt8, Sendable, CaseIterable {
  case byte = 1
  case word = 2
  case double = 4
  case quad = 8

  /// The width of an access of `bytes` bytes, or nil when no bus carries such an access.
  public init?(bytes: Int) {
    guard let raw = UInt8(exactly: bytes), let width = AccessWidth(rawValue: raw) else { return nil }
    self = width
  }

  /// Width in bytes: 1, 2, 4 or 8.
  public var bytes: UInt64 { UInt64(rawValue) }

  /// Ones in the bits an access of this width carries; what an access to nothing reads.
  public var mask: UInt64 { UInt64.max >> (64 &- 8 &* bytes) }
}
