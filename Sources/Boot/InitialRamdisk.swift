/// Where an initrd goes.
enum InitialRamdisk {
  private static let pageSize: UInt64 = 4096

  /// The page-aligned place right above the kernel. Low rather than at the end of RAM, where boot loaders put it: the
  /// kernel's first allocations come from the end, and have to step round it.
  /// - Throws: `initrdTooLarge` where the RAM above the kernel, below the protocol's limit, is too small.
  static func place(
    size: UInt64, above kernel: Range<UInt64>, in memory: [Range<UInt64>]
  ) throws(BootError) -> Range<UInt64> {
    guard let home = memory.first(where: { $0.contains(kernel.lowerBound) }) else {
      throw .kernelOutsideMemory(kernel, memory: memory.first?.upperBound ?? 0)
    }
    let limit = min(home.upperBound, X86Layout.initrdEnd)
    let start = (min(kernel.upperBound, limit) + pageSize - 1) / pageSize * pageSize
    let room = limit > start ? limit - start : 0
    guard size <= room else { throw .initrdTooLarge(size: size, room: room) }
    return start..<(start + size)
  }
}
