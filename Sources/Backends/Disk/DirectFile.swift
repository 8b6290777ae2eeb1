import Glibc
import GuestMemory
import LinuxSystem

/// A disk's file opened around the page cache (open(2), O_DIRECT).
final class DirectFile {
  /// Bytes that a transfer through the bounce buffer moves at a time.
  private static let bounceSize = 1 << 20

  let descriptor: FileDescriptor
  let alignment: DirectAlignment
  private var bounce: BounceBuffer?

  /// - Throws: EINVAL where the file system has no such transfers.
  init(_ file: borrowing FileDescriptor, readOnly: Bool) throws(SystemError) {
    let descriptor = try file.reopenedDirectly(readOnly: readOnly)
    guard let alignment = try descriptor.directAlignment(), alignment.offset <= 4096, alignment.memory <= 4096
    else { throw SystemError(call: "open", operand: "O_DIRECT", code: EINVAL) }
    self.descriptor = descriptor
    self.alignment = alignment
  }

  /// Whether place and length are what a direct transfer takes.
  func takes(_ list: ScatterList, at offset: UInt64) -> Bool {
    list.byteCount % alignment.offset == 0 && offset % UInt64(alignment.offset) == 0
  }

  /// Whether the buffers are what a direct transfer takes.
  func takesBuffers(of list: ScatterList) -> Bool { list.isAligned(to: alignment.memory) }

  func read(into list: ScatterList, at offset: UInt64) throws(SystemError) -> Int {
    if takesBuffers(of: list) { return try list.read(from: descriptor, at: offset) }
    return try list.read(from: descriptor, at: offset, through: buffer())
  }

  func write(_ list: ScatterList, at offset: UInt64) throws(SystemError) -> Int {
    if takesBuffers(of: list) { return try list.write(to: descriptor, at: offset) }
    return try list.write(to: descriptor, at: offset, through: buffer())
  }

  private func buffer() throws(SystemError) -> BounceBuffer {
    if let bounce { return bounce }
    let buffer = try BounceBuffer(count: DirectFile.bounceSize)
    bounce = buffer
    return buffer
  }
}
