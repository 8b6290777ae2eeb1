public import Configuration

/// Why a machine ended: one reason, and the status that goes with it.
public struct Outcome: Sendable, Equatable {
  public let status: ExitStatus
  /// What there is to say beyond the status's own text; empty where nothing.
  public let detail: String

  /// Whether the detail says all there is to say.
  private let isWhole: Bool

  public init(_ status: ExitStatus, _ detail: String = "") {
    self.status = status
    self.detail = detail
    isWhole = false
  }

  /// A machine that cannot be built or run as it is described.
  public init(_ diagnostic: Diagnostic) {
    status = diagnostic.status
    detail = diagnostic.description
    isWhole = true
  }
}

extension Outcome {
  /// Whether there is nothing to tell: the guest switched itself off.
  public var isSilent: Bool {
    if case .poweredOff = status { return true }
    return false
  }

  /// One line for the person, safe for a terminal.
  public var line: String {
    if isWhole { return detail }
    return Diagnostic.printable(detail.isEmpty ? status.meaning : "\(status.meaning): \(detail)")
  }
}
