import CLinux
import Glibc
public import LinuxSystem

/// Memory at a page's start, through which bytes pass that a direct transfer cannot take from where they are.
public final class BounceBuffer {
  let memory: MappedMemory
  /// Length in bytes.
  public var count: Int { memory.count }

  public init(count: Int) throws(SystemError) { memory = try MappedMemory(anonymous: count) }
}

/// What disks do with a list beside reading and writing at once.
extension ScatterList {
  /// Whether all addresses and lengths are multiples of `alignment`.
  public func isAligned(to alignment: Int) -> Bool {
    (0..<count).allSatisfy {
      Int(bitPattern: entries[$0].iov_base) % alignment == 0 && entries[$0].iov_len % alignment == 0
    }
  }

  /// Makes all bytes of the list zero.
  public func fillWithZeros() {
    for index in 0..<count { memset(entries[index].iov_base, 0, entries[index].iov_len) }
  }

  /// As ``read(from:at:)``, at most what the buffer holds.
  public func read(
    from file: borrowing FileDescriptor, at offset: UInt64, through buffer: BounceBuffer
  ) throws(SystemError) -> Int {
    let length = min(byteCount, buffer.count)
    let count = try retrying("pread") { pread(file.raw, buffer.memory.base, length, Int(clamping: offset)) }
    copy(count, buffer) { place, buffered, part in place.copyMemory(from: buffered, byteCount: part) }
    return count
  }

  /// As ``write(to:at:)``, at most what the buffer holds.
  public func write(
    to file: borrowing FileDescriptor, at offset: UInt64, through buffer: BounceBuffer
  ) throws(SystemError) -> Int {
    let length = min(byteCount, buffer.count)
    copy(length, buffer) { place, buffered, part in buffered.copyMemory(from: place, byteCount: part) }
    return try retrying("pwrite") { pwrite(file.raw, buffer.memory.base, length, Int(clamping: offset)) }
  }

  /// Calls `move` for each piece of the first `count` bytes with its place in guest memory and in the buffer.
  private func copy(
    _ count: Int, _ buffer: BounceBuffer,
    _ move: (UnsafeMutableRawPointer, UnsafeMutableRawPointer, Int) -> Void
  ) {
    let start = buffer.memory.base
    var done = 0
    for index in 0..<self.count where done < count {
      let part = min(entries[index].iov_len, count - done)
      if let place = entries[index].iov_base { move(place, start + done, part) }
      done += part
    }
  }

  /// Prepares a read of all of the list, which must stay as it is until the answer.
  public func prepareRead(
    on ring: IORing, from file: borrowing FileDescriptor, at offset: UInt64, tag: UInt64
  ) {
    ring.prepareRead(from: file, entries, count: count, at: offset, tag: tag)
  }

  /// Prepares a write of all of the list, which must stay as it is until the answer.
  public func prepareWrite(
    on ring: IORing, to file: borrowing FileDescriptor, at offset: UInt64, isStable: Bool, tag: UInt64
  ) {
    ring.prepareWrite(to: file, entries, count: count, at: offset, isStable: isStable, tag: tag)
  }
}
