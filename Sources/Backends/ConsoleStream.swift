public import Devices
import Glibc
public import GuestMemory
public import LinuxSystem

/// The host's end of a console: a terminal, pipe, file or socket to read from and one to write to.
///
/// Neither direction waits. A terminal or pipe is opened a second time for that, because O_NONBLOCK on the descriptor
/// the process was given would change it for everyone else who holds it, the user's shell among them.
public final class ConsoleStream: ConsoleOutput {
  /// What a read found.
  public enum Input: Equatable {
    case bytes([UInt8])
    /// Nothing now.
    case none
    /// The end, or an input that is gone.
    case end
  }

  private static let slicesPerCall = 64

  /// For the event loop; not to be read from.
  public let input: FileDescriptor
  /// For the event loop; not to be written to.
  public let output: FileDescriptor
  private var list: ScatterList?
  private var outputIsGone = false
  private var reportFailure: ((SystemError) -> Void)?

  /// - Parameters:
  ///   - input: The descriptor to read from; stays open and unchanged.
  ///   - output: The descriptor to write to; stays open and unchanged.
  ///   - reportFailure: Called once, when the output is gone; from then on output is dropped.
  /// - Throws: When a descriptor is not open.
  public init(
    input: Int32, output: Int32, reportFailure: @escaping (SystemError) -> Void
  ) throws(SystemError) {
    self.input = try Self.withoutWaiting(input, O_RDONLY)
    self.output = try Self.withoutWaiting(output, O_WRONLY)
    self.reportFailure = reportFailure
  }

  /// A descriptor of the same file that does not wait. A file on disk never does; where a terminal cannot be opened
  /// again, as after `su`, waiting is the lesser evil.
  private static func withoutWaiting(_ number: Int32, _ access: Int32) throws(SystemError) -> FileDescriptor {
    let copy = try duplicate(number)
    let kind = try copy.status().kind
    switch kind {
    case .characterDevice, .pipe:
      let flags = access | O_NONBLOCK | O_NOCTTY
      if let again = try? FileDescriptor(opening: "/proc/self/fd/\(number)", flags) { return again }
    case .socket:
      try copy.setNonBlocking(true)
    default:
      break
    }
    return copy
  }

  private static func duplicate(_ number: Int32) throws(SystemError) -> FileDescriptor {
    let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
    let code = errno
    if copy < 0 { throw SystemError(call: "fcntl", operand: "F_DUPFD_CLOEXEC \(number)", code: code) }
    return FileDescriptor(owning: copy)
  }

  /// What is there to read, at most `limit` bytes.
  public func read(upTo limit: Int) -> Input {
    do throws(SystemError) {
      let bytes = try input.read(upTo: limit)
      return bytes.isEmpty ? .end : .bytes(bytes)
    } catch {
      return error.code == EAGAIN ? .none : .end
    }
  }

  public func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int {
    let total = slices.reduce(0) { $0 + $1.count }
    if outputIsGone { return total }
    let list = self.list ?? ScatterList(memory: memory, capacity: Self.slicesPerCall)
    self.list = list
    list.removeAll()
    var next = 0
    var done = 0
    while true {
      while next < slices.count, list.append(slices[next]) { next += 1 }
      if list.byteCount == 0 { return total }
      do throws(SystemError) {
        let count = try list.writeStream(to: output)
        list.removeFirst(count)
        done += count
      } catch {
        if error.code == EAGAIN { return done }
        outputIsGone = true
        reportFailure?(error)
        reportFailure = nil
        return total
      }
    }
  }
}
