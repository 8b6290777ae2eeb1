/// The device tree of an x86_64 machine. Linux knows the interrupt controllers of this architecture in a tree by the
/// names of the first system that had one (Linux, Documentation/devicetree/bindings/x86/ce4100.txt).
enum DeviceTree {
  /// - Throws: `tableTooLarge`, `deviceTree`.
  static func encoded(_ layout: MachineLayout, limit: Int) throws(BootError) -> [UInt8] {
    try FlattenedTree.encoded(root(layout), limit: limit)
  }

  private static let controllerHandle: UInt32 = 1
  /// Second cell of an interrupt: a rising edge.
  private static let risingEdge: UInt32 = 3

  private static func root(_ layout: MachineLayout) -> DeviceTreeNode {
    DeviceTreeNode(
      name: "",
      properties: [
        .cells("#address-cells", [2]), .cells("#size-cells", [2]),
        .text("compatible", "swiftlet,microvm"), .text("model", "Swiftlet"),
        .cells("interrupt-parent", [controllerHandle]),
      ],
      children: [chosen(layout), processors(layout.cpuCount), memory(layout), bus(layout), ports(layout)])
  }

  private static func chosen(_ layout: MachineLayout) -> DeviceTreeNode {
    var node = DeviceTreeNode(name: "chosen", properties: [.text("bootargs", layout.commandLine)])
    if let initrd = layout.initrd {
      node.properties.append(.wide("linux,initrd-start", [initrd.lowerBound]))
      node.properties.append(.wide("linux,initrd-end", [initrd.upperBound]))
    }
    return node
  }

  /// `reg` is the APIC identifier.
  private static func processors(_ count: Int) -> DeviceTreeNode {
    DeviceTreeNode(
      name: "cpus", properties: [.cells("#address-cells", [1]), .cells("#size-cells", [0])],
      children: (0..<UInt32(count)).map { identifier in
        DeviceTreeNode(
          name: "cpu@" + String(identifier, radix: 16),
          properties: [
            .text("device_type", "cpu"), .text("compatible", "x86_64"), .cells("reg", [identifier]),
          ])
      })
  }

  private static func memory(_ layout: MachineLayout) -> DeviceTreeNode {
    let ranges = layout.usableMemory
    return DeviceTreeNode(
      name: "memory@" + String(ranges.first?.lowerBound ?? 0, radix: 16),
      properties: [
        .text("device_type", "memory"),
        .wide("reg", ranges.flatMap { [$0.lowerBound, $0.upperBound - $0.lowerBound] }),
      ])
  }

  private static func bus(_ layout: MachineLayout) -> DeviceTreeNode {
    DeviceTreeNode(
      name: "soc",
      properties: [
        .text("compatible", "simple-bus"), .cells("#address-cells", [2]), .cells("#size-cells", [2]),
        .flag("ranges"),
      ],
      children: [
        controller(X86Layout.localAPIC, "intel,ce4100-lapic", []),
        controller(
          X86Layout.ioAPIC, "intel,ce4100-ioapic",
          [
            .flag("interrupt-controller"), .cells("#interrupt-cells", [2]), .cells("#address-cells", [0]),
            .cells("phandle", [controllerHandle]),
          ]),
      ] + layout.virtio.map(virtioDevice) + [panicDevice])
  }

  private static func controller(
    _ address: UInt64, _ compatible: String, _ properties: [DeviceTreeNode.Property]
  ) -> DeviceTreeNode {
    DeviceTreeNode(
      name: "interrupt-controller@" + String(address, radix: 16),
      properties: [.text("compatible", compatible), .wide("reg", [address, 0x1000])] + properties)
  }

  private static func virtioDevice(_ window: VirtioWindow) -> DeviceTreeNode {
    DeviceTreeNode(
      name: "virtio@" + String(window.address, radix: 16),
      properties: [
        .text("compatible", "virtio,mmio"), .wide("reg", [window.address, VirtioWindow.size]),
        .cells("interrupts", [UInt32(window.interrupt), risingEdge]), .flag("dma-coherent"),
      ])
  }

  /// Linux, Documentation/devicetree/bindings/misc/pvpanic-mmio.txt.
  private static var panicDevice: DeviceTreeNode {
    DeviceTreeNode(
      name: "pvpanic@" + String(X86Layout.panicDevice, radix: 16),
      properties: [
        .text("compatible", "qemu,pvpanic-mmio"), .wide("reg", [X86Layout.panicDevice, 1]),
      ])
  }

  /// Port space is an ISA bus; the first address cell is 1 for ports.
  private static func ports(_ layout: MachineLayout) -> DeviceTreeNode {
    var children: [DeviceTreeNode] = []
    if layout.hasSerial {
      children.append(
        DeviceTreeNode(
          name: "serial@i" + String(X86Layout.serialPort, radix: 16),
          properties: [
            .text("compatible", "ns16550a"), .cells("reg", [1, UInt32(X86Layout.serialPort), 8]),
            .cells("clock-frequency", [1_843_200]),
            .cells("interrupts", [UInt32(X86Layout.serialInterrupt), risingEdge]),
          ]))
    }
    children.append(
      DeviceTreeNode(
        name: "rtc@i" + String(X86Layout.clockPort, radix: 16),
        properties: [
          .text("compatible", "motorola,mc146818"), .cells("reg", [1, UInt32(X86Layout.clockPort), 2]),
        ]))
    return DeviceTreeNode(
      name: "isa@0",
      properties: [
        .text("compatible", "isa"), .text("device_type", "isa"),
        .cells("#address-cells", [2]), .cells("#size-cells", [1]),
        .cells("ranges", [1, 0, 0, 0, 0x1_0000]),
      ], children: children)
  }
}
