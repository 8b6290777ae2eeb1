import CFDT

/// A device tree in the form that kernels read, written by libfdt. The only unsafe code of this module.
struct FlattenedTree {
  private var bytes: [UInt8]

  /// The tree below `root`.
  /// - Parameter limit: bytes it may take.
  /// - Throws: `tableTooLarge` beyond the limit, `deviceTree` with libfdt's reason.
  static func encoded(_ root: DeviceTreeNode, limit: Int) throws(BootError) -> [UInt8] {
    var tree = FlattenedTree(bytes: [UInt8](repeating: 0, count: limit))
    try unsafe tree.call { unsafe fdt_create($0, Int32(limit)) }
    try unsafe tree.call { unsafe fdt_finish_reservemap($0) }
    try tree.add(root)
    try unsafe tree.call { unsafe fdt_finish($0) }
    return Array(tree.bytes.prefix(tree.size))
  }

  private mutating func add(_ node: DeviceTreeNode) throws(BootError) {
    try unsafe call { unsafe fdt_begin_node($0, node.name) }
    for property in node.properties {
      try unsafe call { unsafe fdt_property($0, property.name, property.value, Int32(property.value.count)) }
    }
    for child in node.children { try add(child) }
    try unsafe call { unsafe fdt_end_node($0) }
  }

  private mutating func call(_ step: (UnsafeMutableRawPointer?) -> Int32) throws(BootError) {
    let code = unsafe bytes.withUnsafeMutableBytes { unsafe step($0.baseAddress) }
    guard code != 0 else { return }
    if code == -FDT_ERR_NOSPACE { throw .tableTooLarge("device tree") }
    throw .deviceTree(unsafe String(cString: fdt_strerror(code)))
  }

  /// totalsize of the finished tree: the second word of its header, big-endian.
  private var size: Int { bytes[4..<8].reduce(0) { $0 << 8 | Int($1) } }
}
