/// How the guest is to be made ready, once. Places are those of zero-terminated strings.
public struct SetupRequest: Sendable, Equatable {
  public struct Options: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Nothing of the root can be written.
    public static let readOnly = Options(rawValue: 1)
    /// What is written goes to the second disk, an ext4, instead of memory.
    public static let writableDisk = Options(rawValue: 2)
    /// Further sessions are taken.
    public static let listens = Options(rawValue: 4)
    /// There is something that outlives the machine: all is written out before the end is told.
    public static let settles = Options(rawValue: 8)
    /// The kernel was told of a network; programs are told of its name servers.
    public static let network = Options(rawValue: 16)
    static let all: Options = [.readOnly, .writableDisk, .listens, .settles, .network]
  }

  /// The root's file system.
  public enum Root: UInt8, Sendable {
    case erofs = 1
    case ext4 = 2
  }

  /// What is mounted besides.
  public enum Mount: UInt8, Sendable {
    /// A share by its tag.
    case share = 1
    case readOnlyShare = 2
    /// Memory; its source says nothing.
    case memory = 3
  }

  public let options: Options
  public let root: Root
  public let mountCount: Int
  /// Where the kinds of the mounts stand, a byte each.
  public let mounts: Int
  /// Empty to leave it as it is.
  public let hostName: Int
  /// Of each mount source and target, one after the other.
  public let mountTexts: Int

  init(_ bytes: Span<UInt8>, _ payload: Range<Int>) throws(ProtocolViolation) {
    guard payload.count >= 3 else { throw .badLength }
    let first = payload.lowerBound
    options = Options(rawValue: bytes[first])
    guard let root = Root(rawValue: bytes[first + 1]), options.isSubset(of: .all) else { throw .badValue }
    self.root = root
    mountCount = Int(bytes[first + 2])
    mounts = first + 3
    guard payload.upperBound - mounts >= mountCount else { throw .badLength }
    for index in 0..<mountCount where Mount(rawValue: bytes[mounts + index]) == nil { throw .badValue }
    var texts = Texts(mounts + mountCount..<payload.upperBound)
    hostName = try texts.next(bytes)
    mountTexts = texts.place
    try texts.skip(mountCount * 2, bytes)
    try texts.finish()
  }
}

/// A program to run. Places are those of zero-terminated strings.
public struct StartRequest: Sendable, Equatable {
  public struct Options: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// The program gets a terminal of its own, whose output comes as standard output.
    public static let terminal = Options(rawValue: 1)
    /// A working directory that is not there is made.
    public static let makesDirectory = Options(rawValue: 2)
    static let all: Options = [.terminal, .makesDirectory]
  }

  /// What setrlimit(2) is given.
  public struct Limit: Sendable, Equatable {
    public static let size = 17
    /// The resource's number, 0 to 15.
    public let resource: UInt8
    public let soft: UInt64
    public let hard: UInt64

    public init(resource: UInt8, soft: UInt64, hard: UInt64) {
      self.resource = resource
      self.soft = soft
      self.hard = hard
    }
  }

  public let options: Options
  public let window: WindowSize
  /// At least one.
  public let argumentCount: Int
  public let environmentCount: Int
  public let limitCount: Int
  /// Where the limits stand, ``Limit/size`` bytes each.
  public let limits: Int
  /// A name or a number, and a colon and a group's behind it where that is given; empty for root.
  public let user: Int
  /// An absolute path; empty for the root.
  public let directory: Int
  public let arguments: Int
  public let environment: Int

  private static let fixedSize = 10

  init(_ bytes: Span<UInt8>, _ payload: Range<Int>) throws(ProtocolViolation) {
    guard payload.count >= StartRequest.fixedSize else { throw .badLength }
    let first = payload.lowerBound
    func half(_ place: Int) -> UInt16 {
      UInt16(truncatingIfNeeded: bytes.number(at: first + place, width: 2))
    }
    options = Options(rawValue: bytes[first])
    window = WindowSize(columns: half(1), rows: half(3))
    argumentCount = Int(half(5))
    environmentCount = Int(half(7))
    limitCount = Int(bytes[first + 9])
    guard options.isSubset(of: .all), argumentCount > 0 else { throw .badValue }
    limits = first + StartRequest.fixedSize
    let end = limits + limitCount * Limit.size
    guard end <= payload.upperBound else { throw .badLength }
    for index in 0..<limitCount where bytes[limits + index * Limit.size] > 15 { throw .badValue }
    var texts = Texts(end..<payload.upperBound)
    user = try texts.next(bytes)
    directory = try texts.next(bytes)
    arguments = texts.place
    try texts.skip(argumentCount, bytes)
    environment = texts.place
    try texts.skip(environmentCount, bytes)
    try texts.finish()
  }

  /// Limit number `index`, of the bytes that the request was found in.
  public func limit(_ index: Int, in bytes: Span<UInt8>) -> Limit {
    let place = limits + index * Limit.size
    return Limit(
      resource: bytes[place], soft: bytes.number(at: place + 1, width: 8),
      hard: bytes.number(at: place + 9, width: 8))
  }
}

/// Zero-terminated strings one after the other.
private struct Texts {
  private(set) var place: Int
  private let end: Int

  init(_ range: Range<Int>) {
    place = range.lowerBound
    end = range.upperBound
  }

  /// Where the next one begins.
  mutating func next(_ bytes: Span<UInt8>) throws(ProtocolViolation) -> Int {
    let start = place
    while place < end, bytes[place] != 0 { place += 1 }
    guard place < end else { throw .badLength }
    place += 1
    return start
  }

  mutating func skip(_ count: Int, _ bytes: Span<UInt8>) throws(ProtocolViolation) {
    for _ in 0..<count { _ = try next(bytes) }
  }

  func finish() throws(ProtocolViolation) {
    guard place == end else { throw .badLength }
  }
}
