public import GuestMemory

/// Where a console's output goes.
public protocol ConsoleOutput: AnyObject {
  /// Writes the bytes of `slices` in order and returns how many were taken. Fewer than all means that it would have
  /// to wait: whoever implements this calls `ConsoleDevice.resumeOutput` when there is room again.
  func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int
}

/// The size of a terminal in characters.
public struct ConsoleSize: Sendable, Equatable {
  public let columns: UInt16
  public let rows: UInt16

  public init(columns: UInt16, rows: UInt16) {
    self.columns = columns
    self.rows = rows
  }

  /// As in the configuration space (5.3.4) and, by the specification, in a control message (5.3.6.2). Linux read the
  /// message's fields the other way round up to 6.15 and does so again in some later versions.
  var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(littleEndian: columns)
    bytes.append(littleEndian: rows)
    return bytes
  }
}
