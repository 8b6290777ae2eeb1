/// Work on frames that one side leaves to the other: checksums not yet computed, and TCP segments longer than a frame
/// of the medium (virtio 1.2, 5.1.6.2 and 5.1.6.4).
public struct NetOffloads: OptionSet, Sendable, Hashable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Checksums of TCP and UDP; what the others need.
  public static let checksum = NetOffloads(rawValue: 1)
  public static let tcp4Segments = NetOffloads(rawValue: 2)
  public static let tcp6Segments = NetOffloads(rawValue: 4)
  /// Segments whose TCP header has congestion bits (RFC 3168); only beside one of the two kinds.
  public static let congestionBits = NetOffloads(rawValue: 8)

  public static let all: NetOffloads = [.checksum, .tcp4Segments, .tcp6Segments, .congestionBits]

  /// These without those that lack what they need: a driver may accept any features.
  var consistent: NetOffloads {
    guard contains(.checksum) else { return [] }
    return isDisjoint(with: [.tcp4Segments, .tcp6Segments]) ? .checksum : self
  }
}

/// The features of a network device (virtio 1.2, 5.1.3).
enum NetFeature {
  static let mtu = Features(rawValue: 1 << 3)
  static let macAddress = Features(rawValue: 1 << 5)
  static let mergedBuffers = Features(rawValue: 1 << 15)
  static let status = Features(rawValue: 1 << 16)

  /// What the driver may leave to the device.
  private static let toHost: [(NetOffloads, Features)] = [
    (.checksum, Features(rawValue: 1 << 0)), (.tcp4Segments, Features(rawValue: 1 << 11)),
    (.tcp6Segments, Features(rawValue: 1 << 12)), (.congestionBits, Features(rawValue: 1 << 13)),
  ]
  /// What the device may leave to the driver.
  private static let toGuest: [(NetOffloads, Features)] = [
    (.checksum, Features(rawValue: 1 << 1)), (.tcp4Segments, Features(rawValue: 1 << 7)),
    (.tcp6Segments, Features(rawValue: 1 << 8)), (.congestionBits, Features(rawValue: 1 << 9)),
  ]

  /// What is offered where the host's end takes and gives `offloads`.
  static func offering(_ offloads: NetOffloads) -> Features {
    (toHost + toGuest).reduce(into: []) { if offloads.contains($1.0) { $0.insert($1.1) } }
  }

  static func offloadsToHost(_ features: Features) -> NetOffloads { offloads(features, toHost) }
  static func offloadsToGuest(_ features: Features) -> NetOffloads { offloads(features, toGuest) }

  private static func offloads(_ features: Features, _ table: [(NetOffloads, Features)]) -> NetOffloads {
    table.reduce(into: [] as NetOffloads) { if features.contains($1.1) { $0.insert($1.0) } }.consistent
  }
}
