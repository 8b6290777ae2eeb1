import CLinux
import Glibc
public import LinuxSystem

/// Slices of guest memory that one system call reads into or writes from (readv(2)).
///
/// Its storage is made once; filling and using it allocates nothing. It keeps the memory it points into alive.
public final class ScatterList {
  private let memory: GuestMemory
  let entries: UnsafeMutablePointer<iovec>
  private let capacity: Int
  private let ownBytes: UnsafeMutableRawPointer
  /// The slices in the list.
  public private(set) var count = 0
  /// The bytes in the list, 0 to Int.max.
  public private(set) var byteCount = 0

  /// - Parameter capacity: at most 1,024 slices (IOV_MAX).
  public init(memory: GuestMemory, capacity: Int) {
    precondition((1...1024).contains(capacity))
    self.memory = memory
    self.capacity = capacity
    entries = .allocate(capacity: capacity)
    ownBytes = .allocate(byteCount: ScatterList.ownByteLimit, alignment: 1)
    ownBytes.initializeMemory(as: UInt8.self, repeating: 0, count: ScatterList.ownByteLimit)
  }

  deinit {
    entries.deallocate()
    ownBytes.deallocate()
  }

  /// The most bytes of the host's own that can stand before the slices.
  public static let ownByteLimit = 16

  /// Makes the list one of `bytes`, at most ``ownByteLimit``, which are copied; slices follow.
  public func begin(with bytes: Span<UInt8>) {
    beginWithRoom(for: bytes.count)
    bytes.withUnsafeBytes {
      ownBytes.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(ownBytes), byteCount: $0.count)
    }
  }

  /// Makes the list one of room for `count` bytes, at most ``ownByteLimit``, to be read into; slices follow.
  public func beginWithRoom(for count: Int) {
    precondition((1...ScatterList.ownByteLimit).contains(count))
    entries.initialize(to: iovec(iov_base: ownBytes, iov_len: count))
    self.count = 1
    byteCount = count
  }

  /// What was read into the room the list begins with.
  public func ownByte(_ index: Int) -> UInt8 {
    precondition((0..<ScatterList.ownByteLimit).contains(index))
    return ownBytes.load(fromByteOffset: index, as: UInt8.self)
  }

  public func removeAll() {
    count = 0
    byteCount = 0
  }

  /// - Returns: false, with nothing added, where the list is full or its bytes can no longer be counted.
  public func append(_ slice: GuestSlice) -> Bool {
    let (total, overflow) = byteCount.addingReportingOverflow(slice.count)
    guard count < capacity, !overflow else { return false }
    if slice.count == 0 { return true }
    (entries + count).initialize(to: iovec(iov_base: memory.pointer(slice), iov_len: slice.count))
    count += 1
    byteCount = total
    return true
  }

  /// Drops the first `bytes` bytes, which a system call has dealt with; all of them where there are no more.
  public func removeFirst(_ bytes: Int) {
    var left = bytes
    var index = 0
    while index < count, left >= entries[index].iov_len {
      left -= entries[index].iov_len
      byteCount -= entries[index].iov_len
      index += 1
    }
    if index > 0 {
      for target in 0..<(count - index) { entries[target] = entries[target + index] }
      count -= index
    }
    if left > 0, count > 0, let start = entries[0].iov_base {
      entries[0] = iovec(iov_base: start + left, iov_len: entries[0].iov_len - left)
      byteCount -= left
    }
  }

  /// Reads from `offset` bytes into the file; a count below ``byteCount`` means the file, or the call, ended early.
  public func read(from file: borrowing FileDescriptor, at offset: UInt64) throws(SystemError) -> Int {
    try retrying("preadv") { preadv(file.raw, entries, Int32(count), Int(clamping: offset)) }
  }

  /// Writes at `offset` bytes into the file; the kernel may take fewer than ``byteCount``.
  public func write(to file: borrowing FileDescriptor, at offset: UInt64) throws(SystemError) -> Int {
    try retrying("pwritev") { pwritev(file.raw, entries, Int32(count), Int(clamping: offset)) }
  }

  /// Reads what a stream has; 0 at its end.
  public func readStream(from file: borrowing FileDescriptor) throws(SystemError) -> Int {
    try retrying("readv") { readv(file.raw, entries, Int32(count)) }
  }

  /// Writes what a stream takes that is not waited for.
  /// - Throws: EAGAIN where that is nothing now.
  public func write(to stream: borrowing WaitlessStream) throws(SystemError) -> Int {
    try stream.write(entries, count: count)
  }

  /// Writes what a stream takes.
  public func writeStream(to file: borrowing FileDescriptor) throws(SystemError) -> Int {
    try retrying("writev") { writev(file.raw, entries, Int32(count)) }
  }
}
