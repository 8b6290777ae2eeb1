import CLinux
import Glibc

/// Sole owner of a memory mapping; unmaps it at the end of its life.
///
/// Sendable: the owner is a pair of numbers, and who may touch the bytes is decided by who holds it.
public struct MappedMemory: ~Copyable, @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  /// Length in bytes.
  public let count: Int

  /// Maps `count` bytes of zeros that take memory only where touched, without reserving swap for the rest.
  public init(anonymous count: Int) throws(SystemError) {
    try self.init(
      count: count, protection: PROT_READ | PROT_WRITE,
      flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, descriptor: -1)
  }

  /// Maps the first `count` bytes of what a descriptor stands for, shared with all who map it.
  public init(sharing descriptor: borrowing FileDescriptor, count: Int) throws(SystemError) {
    try self.init(
      count: count, protection: PROT_READ | PROT_WRITE, flags: MAP_SHARED, descriptor: descriptor.raw)
  }

  private init(count: Int, protection: Int32, flags: Int32, descriptor: Int32) throws(SystemError) {
    guard let mapping = clinux_mmap(nil, count, protection, flags, descriptor, 0) else {
      throw SystemError(call: "mmap", operand: "\(count) bytes", code: errno)
    }
    base = mapping
    self.count = count
  }

  /// Keeps the mapping out of processes that this one forks, and out of core dumps (madvise(2)).
  public func keepToThisProcess() throws(SystemError) {
    for advice in [MADV_DONTFORK, MADV_DONTDUMP] {
      _ = try checking("madvise") { Int(madvise(base, count, advice)) }
    }
  }

  deinit { munmap(base, count) }
}
