import Glibc
public import LinuxSystem

/// A named pipe that a person writes short lines into. Reading never waits.
public final class OrderPipe {
  /// Bytes of the longest line taken.
  private static let lineLimit = 64

  /// For the event loop; not to be read from.
  public let descriptor: FileDescriptor
  private var unfinished: [UInt8] = []
  private var isTooLong = false

  /// - Throws: what open(2) says; ESPIPE where the file is no named pipe.
  public init(path: String) throws(SystemError) {
    // A writer of its own: without one, the pipe would be at its end between two writers.
    let descriptor = try FileDescriptor(opening: path, O_RDWR | O_NONBLOCK)
    guard try descriptor.status().kind == .pipe else {
      throw SystemError(call: "open", operand: path, code: ESPIPE)
    }
    self.descriptor = descriptor
  }

  /// The lines that have come, without their line feeds; one that is too long is left out. A bounded number at a time.
  public func take() -> [String] {
    var lines: [String] = []
    for byte in (try? descriptor.read(upTo: 4096)) ?? [] {
      guard byte == UInt8(ascii: "\n") else {
        if unfinished.count < OrderPipe.lineLimit { unfinished.append(byte) } else { isTooLong = true }
        continue
      }
      if !isTooLong { lines.append(String(decoding: unfinished, as: UTF8.self)) }
      unfinished.removeAll(keepingCapacity: true)
      isTooLong = false
    }
    return lines
  }
}
