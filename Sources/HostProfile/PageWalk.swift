import GuestMemory

/// What a guest's own page tables say of a supervisor's access in 64-bit mode with four levels (Intel SDM volume 3,
/// 4.5 and 4.6). KVM_TRANSLATE does not tell whether a page may be written to.
struct PageWalk {
  /// The guest's CR3.
  var root: UInt64
  /// CR0.WP: supervisors keep to read-only pages.
  var isWriteProtected: Bool

  enum Outcome: Equatable {
    case physical(GuestAddress)
    /// #PF with this error code.
    case fault(UInt32)
  }

  /// Bits of an entry.
  private enum Entry {
    static let present: UInt64 = 1
    static let writable: UInt64 = 1 << 1
    static let accessed: UInt64 = 1 << 5
    static let dirty: UInt64 = 1 << 6
    /// The entry maps a page rather than a table; in the two middle levels.
    static let large: UInt64 = 1 << 7
    static let address: UInt64 = 0x000F_FFFF_FFFF_F000
  }

  /// Translates, and marks the page as accessed, for a write as dirty too.
  /// - Throws: where a table lies outside RAM.
  func translate(
    _ linear: UInt64, isWrite: Bool, memory: GuestMemory
  ) throws(GuestMemoryError) -> Outcome {
    // Another processor that keeps changing an entry gets a fault too many.
    for _ in 0..<100 {
      if let outcome = try walk(linear, isWrite: isWrite, memory: memory) { return outcome }
    }
    return .fault(isWrite ? 2 : 0)
  }

  /// - Returns: nil where an entry changed before it could be marked.
  private func walk(
    _ linear: UInt64, isWrite: Bool, memory: GuestMemory
  ) throws(GuestMemoryError) -> Outcome? {
    var table = root & Entry.address
    var mayWrite = true
    for shift: UInt64 in [39, 30, 21, 12] {
      let place = GuestAddress(table &+ (linear >> shift & 511) &* 8)
      let entry = try memory.load(UInt64.self, at: place)
      guard entry & Entry.present != 0 else { return .fault(isWrite ? 2 : 0) }
      if entry & Entry.writable == 0 { mayWrite = false }
      let isPage = shift == 12 || (shift < 39 && entry & Entry.large != 0)
      if isPage, isWrite, !mayWrite, isWriteProtected { return .fault(3) }
      let marked = entry | (isPage && isWrite ? Entry.accessed | Entry.dirty : Entry.accessed)
      if marked != entry, try !memory.exchange(entry, for: marked, at: place) { return nil }
      guard !isPage else {
        let inPage: UInt64 = 1 << shift - 1
        return .physical(GuestAddress(entry & Entry.address & ~inPage | linear & inPage))
      }
      table = entry & Entry.address
    }
    return nil
  }
}
