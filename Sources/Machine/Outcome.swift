public import Configuration

/// Why a machine ended: one reason, and the status that goes with it.
public struct Outcome: Sendable, Equatable {
  public let status: ExitStatus
  /// What there is to say beyond the status's own text; empty where nothing.
  public let detail: String

  public init(_ status: ExitStatus, _ detail: String = "") {
    self.status = status
    self.detail = detail
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
    Diagnostic.printable(detail.isEmpty ? status.meaning : "\(status.meaning): \(detail)")
  }
}
