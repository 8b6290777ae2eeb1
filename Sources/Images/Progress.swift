/// Tells a person what takes long. What takes less than a second is not told.
public final class Progress: Sendable {
  private let report: @Sendable (String) -> Void

  /// - Parameter report: shows a line in place of the last one; the empty one takes it away.
  public init(report: @escaping @Sendable (String) -> Void) { self.report = report }

  public static let silent = Progress { _ in }
}
