/// The page tables a 64-bit kernel is entered with: the first GiB mapped one to one in pages of 2 MiB. Pages of 1 GiB
/// would need one table less, but not every processor has them.
enum PageTables {
  private static let table: UInt64 = 0x3  // present, writable
  private static let largePage: UInt64 = 0x83  // present, writable, 2 MiB
  private static let pageSize = 4096

  /// Three tables, each of one page, to be put at `address`.
  static func encoded(at address: UInt64) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: pageSize)
    bytes.reserveCapacity(3 * pageSize)
    bytes.put(address + UInt64(pageSize) | table, at: 0)
    bytes += [UInt8](repeating: 0, count: pageSize)
    bytes.put(address + 2 * UInt64(pageSize) | table, at: pageSize)
    for page in 0..<(X86Layout.identityMapped >> 21) { bytes.append(number: page << 21 | largePage) }
    return bytes
  }
}
