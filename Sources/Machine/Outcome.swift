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
