import CLinux
import Glibc

extension GuestMemory {
  /// Takes the host's memory for all whole pages of a slice in one call (madvise(2), MADV_POPULATE_WRITE, since Linux 5.14)
  /// instead of by a fault for each: for what is about to be written. They read as zeros. Where the host cannot, nothing is
  /// lost but that time. Huge pages would save more, but their advice splits the mapping, and what the guest gives back
  /// of them is not the host's at once.
  package func populate(_ slice: GuestSlice) {
    let (first, count) = wholePages(of: slice)
    if count > 0 { _ = madvise(first, count, MADV_POPULATE_WRITE) }
  }
}
