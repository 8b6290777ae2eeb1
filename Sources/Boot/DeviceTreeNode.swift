/// A node of a device tree as a value (Devicetree Specification 0.4, section 2).
struct DeviceTreeNode {
  let name: String
  var properties: [Property]
  var children: [DeviceTreeNode] = []

  struct Property {
    let name: String
    /// As it is in the flattened tree: numbers big-endian, text zero-terminated.
    let value: [UInt8]
  }
}

extension DeviceTreeNode.Property {
  /// Present or absent, without a value.
  static func flag(_ name: String) -> Self { Self(name: name, value: []) }

  static func text(_ name: String, _ text: String) -> Self { Self(name: name, value: Array(text.utf8) + [0]) }

  static func cells(_ name: String, _ cells: [UInt32]) -> Self {
    Self(
      name: name,
      value: cells.flatMap { cell in (0..<4).map { UInt8(truncatingIfNeeded: cell >> (24 - 8 * $0)) } })
  }

  static func wide(_ name: String, _ numbers: [UInt64]) -> Self {
    .cells(name, numbers.flatMap { [UInt32($0 >> 32), UInt32(truncatingIfNeeded: $0)] })
  }
}
