/// Why a request failed, as the guest's kernel is told: Linux's number for it.
public struct FuseError: Error, Sendable, Hashable {
  /// 1 to 511: a FUSE client takes no other.
  public let code: Int32

  private init(_ code: Int32) { self.code = code }

  /// What a system call of the host failed with; EIO for a number that is none. That the monitor has no descriptors
  /// left (EMFILE) is no fault of the guest's program, so that too is said as ENFILE.
  public init(systemCode: Int32) {
    switch systemCode {
    case 24: self = .tooManyFiles
    case 1...511: self.init(systemCode)
    default: self = .inputOutput
    }
  }

  public static let notPermitted = FuseError(1)
  public static let noEntry = FuseError(2)
  public static let inputOutput = FuseError(5)
  public static let noSuchDevice = FuseError(6)
  public static let badHandle = FuseError(9)
  public static let exists = FuseError(17)
  public static let notADirectory = FuseError(20)
  public static let isADirectory = FuseError(21)
  public static let invalid = FuseError(22)
  /// ENFILE.
  public static let tooManyFiles = FuseError(23)
  public static let tooLarge = FuseError(27)
  public static let readOnly = FuseError(30)
  public static let nameTooLong = FuseError(36)
  /// The kernel remembers it for most operations, and does without them.
  public static let notImplemented = FuseError(38)
  public static let protocolFault = FuseError(71)
  public static let notSupported = FuseError(95)
  public static let notConnected = FuseError(107)
  /// ESTALE: the node is no longer where it was; the kernel then looks its name up again.
  public static let stale = FuseError(116)
}
