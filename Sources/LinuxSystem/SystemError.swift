/// A system call that failed: which call, on what, and why.
public struct SystemError: Error, Sendable, Equatable {
  /// The call's name as in its manual page, section 2.
  public let call: String
  /// The path, device or number the call was made on; empty where there is none.
  public let operand: String
  /// The `errno` value.
  public let code: Int32

  public init(call: String, operand: String = "", code: Int32) {
    self.call = call
    self.operand = operand
    self.code = code
  }
}

extension SystemError: CustomStringConvertible {
  public var description: String {
    let what = operand.isEmpty ? call : "\(call) \(operand)"
    return "\(what): \(reason)"
  }

  /// The C library's text for the error number.
  public var reason: String { errorText(code) }
}

extension SystemError {
  /// Whether the host has run out of something: EAGAIN, ENOMEM, ENFILE, EMFILE.
  public var isShortage: Bool { [SystemError.tryAgain, 12, 23, 24].contains(code) }

  /// Whether the file system has no such thing: ENOSYS, EOPNOTSUPP.
  public var isUnsupported: Bool { [38, 95].contains(code) }

  /// EPERM.
  public static let notPermitted: Int32 = 1
  /// ESRCH.
  public static let noProcess: Int32 = 3
  /// EAGAIN: not now, or held by another.
  public static let tryAgain: Int32 = 11
  /// EEXIST.
  public static let exists: Int32 = 17
  /// EADDRINUSE.
  public static let addressInUse: Int32 = 98
}
