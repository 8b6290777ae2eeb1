import CLinux
import Glibc

extension GuestMemory {
  /// The host's huge pages that one entry of a page directory maps.
  package static let hugePage = 2 << 20

  /// Says that a slice's bytes are about to be written and all used, so that the host may give huge pages for them
  /// (madvise(2), MADV_HUGEPAGE): hundreds of page faults fewer, in the host and beneath the guest. What shares a huge
  /// page with the slice's ends comes along. A host that does not do as it is advised loses that speed only.
  package func expectAll(of slice: GuestSlice) {
    let start = pointer(slice)
    let first = max(base, start.alignedDown(toMultipleOf: GuestMemory.hugePage))
    let end = min(base + Int(size), (start + slice.count).alignedUp(toMultipleOf: GuestMemory.hugePage))
    _ = madvise(first, end - first, MADV_HUGEPAGE)
  }
}
