/// Memory that the guest lends to the host: a virtio-balloon device.
public struct Balloon: Sendable, Equatable {
  /// Bytes that the guest is to lend: whole pages of 4 KiB.
  public let amount: UInt64
  /// The guest may take memory back on its own when it runs out.
  public let deflatesOnOOM: Bool
  /// The host has the guest's free memory for as long as it is free, whatever the amount.
  public let reportsFreePages: Bool
  /// Seconds between two lines that tell of the guest's memory; 0 for none.
  public let statisticsInterval: UInt32
  /// A named pipe that new amounts come through while the guest runs, each on a line; nil for none.
  public let control: String?

  /// Throws a `Diagnostic` with status `usage` for a value that is out of its limits.
  public init(
    amount: UInt64, deflatesOnOOM: Bool = false, reportsFreePages: Bool = false,
    statisticsInterval: UInt32 = 0, control: String? = nil
  ) throws(Diagnostic) {
    guard statisticsInterval <= Limits.statisticsInterval else {
      throw Diagnostic(
        .usage, "bad interval of the balloon's statistics", which: "\(statisticsInterval) seconds",
        mend: "use 1 to \(Limits.statisticsInterval)")
    }
    if let control { try Check.path(control, of: "balloon control") }
    self.amount = amount
    self.deflatesOnOOM = deflatesOnOOM
    self.reportsFreePages = reportsFreePages
    self.statisticsInterval = statisticsInterval
    self.control = control
  }

  /// Throws a `Diagnostic` with status `usage` for an amount that a guest with `memory` bytes cannot lend.
  public func checkAmount(_ amount: UInt64, memory: UInt64) throws(Diagnostic) {
    guard amount.isMultiple(of: 4096) else {
      throw Diagnostic(
        .usage, "uneven balloon", which: amount == 1 ? "1 byte" : "\(amount) bytes",
        mend: "use a multiple of 4 KiB, such as 64M")
    }
    guard amount < memory else {
      throw Diagnostic(
        .usage, "the balloon takes all of the guest's memory",
        which: "\(amount >> 20) of \(memory >> 20) MiB",
        mend: "make it smaller, or give the guest more memory")
    }
  }
}
