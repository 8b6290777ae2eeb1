public import Devices
public import GuestMemory
public import LinuxSystem

/// Takes guest memory back into the host's.
public final class ReleasedMemory: BalloonMemory {
  private var reportFailure: ((SystemError) -> Void)?

  /// - Parameter reportFailure: Called once, when the host does not take memory back.
  public init(reportFailure: @escaping (SystemError) -> Void) { self.reportFailure = reportFailure }

  public func release(_ slice: GuestSlice, of memory: GuestMemory) {
    do throws(SystemError) { try memory.release(slice) } catch {
      reportFailure?(error)
      reportFailure = nil
    }
  }
}
