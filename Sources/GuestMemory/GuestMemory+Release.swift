import CLinux
import Glibc
public import LinuxSystem

extension GuestMemory {
  /// Gives the whole pages within a slice back to the host (madvise(2), MADV_DONTNEED): they read as zeros from then
  /// on, and take host memory again when touched. Bytes of pages that the slice holds in part stay as they are.
  ///
  /// A page that the kernel is using for a transfer stays with it until that ends; what it then receives is lost.
  /// - Returns: the bytes given back.
  /// - Throws: EINVAL where the pages are locked into memory.
  @discardableResult
  public func release(_ slice: GuestSlice) throws(SystemError) -> Int {
    let (first, count) = wholePages(of: slice)
    guard count > 0 else { return 0 }
    _ = try checking("madvise", "MADV_DONTNEED") { Int(madvise(first, count, MADV_DONTNEED)) }
    return count
  }

  /// Where the pages begin that a slice holds all of, and how many bytes they are: none, or less, where it holds none.
  func wholePages(of slice: GuestSlice) -> (first: UnsafeMutableRawPointer, count: Int) {
    let page = 4096
    let first = pointer(slice).alignedUp(toMultipleOf: page)
    return (first, (pointer(slice) + slice.count).alignedDown(toMultipleOf: page) - first)
  }
}
