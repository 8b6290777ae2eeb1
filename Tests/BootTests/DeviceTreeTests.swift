import Testing

@testable import Boot

@Suite struct DeviceTreeTests {
  @Test func namesWhatThereIs() throws {
    let tree = try DeviceTree.encoded(.example, limit: 1 << 16)
    #expect(tree.starts(with: [0xd0, 0x0d, 0xfe, 0xed]))
    #expect(tree.count < 4096)
  }

  @Test func isRefusedWhereItDoesNotFit() {
    #expect(throws: BootError.tableTooLarge("device tree")) {
      try DeviceTree.encoded(.example, limit: 512)
    }
  }

  @Test func holdsEveryProcessorAndDevice() throws {
    var layout = MachineLayout.example
    layout.cpuCount = X86Layout.maximumCPUs
    layout.virtio = VirtioWindow.interrupts.indices.compactMap { VirtioWindow(index: $0) }
    layout.commandLine = String(repeating: "x", count: KernelCommandLine.limit)
    let tree = try DeviceTree.encoded(layout, limit: 1 << 16)
    #expect(tree.count < X86Layout.deviceTree.count)
  }

  @Test(.enabled(if: has("dtc"))) func compilerReadsTheTree() throws {
    let folder = try ScratchFolder()
    let path = try folder.write(try DeviceTree.encoded(.example, limit: 1 << 16), "machine.dtb")
    let result = runTool("dtc -I dtb -O dts \(path)")
    #expect(result.status == 0)
    #expect(!result.output.contains("Warning"), "\(result.output)")
    #expect(!result.output.contains("ERROR"), "\(result.output)")
    for text in [
      "bootargs = \"console=hvc0 root=/dev/vda\"", "linux,initrd-start = <0x00 0x2000000>",
      "linux,initrd-end = <0x00 0x2100000>", "cpu@1", "intel,ce4100-ioapic", "intel,ce4100-lapic",
      "virtio@d0002000", "reg = <0x00 0xd0002000 0x00 0x1000>", "interrupts = <0x07 0x03>",
      "reg = <0x01 0x3f8 0x08>",
    ] { #expect(result.output.contains(text), "\(text) in \(result.output)") }
  }
}
