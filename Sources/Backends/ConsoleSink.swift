import Devices
import Glibc
public import GuestMemory
public import LinuxSystem

/// Where a console's output goes: a terminal, pipe, file or socket of the host. Writing waits only where that is asked.
public final class ConsoleSink {
  private let stream: WaitlessStream
  private let writer = GuestWriter()
  private var isGone = false
  private var reportFailure: ((SystemError) -> Void)?

  /// - Parameters:
  ///   - number: The descriptor to write to; stays open and unchanged.
  ///   - reportFailure: Called once, when the output is gone; from then on output is dropped.
  /// - Throws: When the descriptor is not open.
  public init(_ number: Int32, reportFailure: @escaping (SystemError) -> Void) throws(SystemError) {
    stream = try WaitlessStream(number, O_WRONLY)
    self.reportFailure = reportFailure
  }

  /// Calls `handler` on the loop's thread whenever the output takes something.
  public func whenWritable(
    on loop: EventLoop, _ handler: @escaping () -> Void
  ) throws(SystemError) -> EventLoop.Registration {
    try loop.register(stream.descriptor, .writable) { _ in handler() }
  }

  /// Writes guest memory in order.
  /// - Returns: how many bytes were taken; fewer than all when the rest would have to wait.
  public func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int {
    if !isGone {
      do throws(SystemError) {
        return try writer.write(slices, of: memory) { list throws(SystemError) in
          try list.write(to: stream)
        }
      } catch {
        lose(error)
      }
    }
    return slices.reduce(0) { $0 + $1.count }
  }

  /// Writes `bytes` in order.
  /// - Returns: how many were taken; fewer than all when the rest would have to wait.
  public func write(_ bytes: ArraySlice<UInt8>) -> Int {
    var rest = bytes
    while !rest.isEmpty, !isGone {
      do throws(SystemError) {
        rest.removeFirst(try stream.write(rest))
      } catch {
        if error.code == SystemError.tryAgain { return bytes.count - rest.count }
        lose(error)
      }
    }
    return bytes.count
  }

  /// Writes all of `bytes`, however long that takes.
  /// - Parameter impatience: gives up when the output takes nothing while this is readable.
  public func writeAll(_ bytes: ArraySlice<UInt8>, unless impatience: borrowing FileDescriptor) {
    var rest = bytes
    repeat {
      rest.removeFirst(write(rest))
    } while !rest.isEmpty && stream.waitUntilWritable(unless: impatience)
  }

  private func lose(_ error: SystemError) {
    isGone = true
    reportFailure?(error)
    reportFailure = nil
  }
}
