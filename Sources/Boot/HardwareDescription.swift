/// How a guest is told what hardware it has.
public enum HardwareDescription: String, CaseIterable, Sendable {
  /// Intel's MultiProcessor table, and `virtio_mmio.device=` on the command line.
  case mpTable = "mptable"
  case acpi
  /// A flattened device tree (SETUP_DTB of the boot protocol).
  case deviceTree = "fdt"

  /// The cheapest to start from that a kernel can read, by texts that each reader has in the kernel's image; the MP
  /// table, which every machine has, where none is found.
  /// - Parameter contains: whether the unpacked image has a text somewhere in it.
  public static func suited(toImageContaining contains: (String) -> Bool) -> HardwareDescription {
    if contains("virtio_mmio.device"), contains("MPTABLE: ") { return .mpTable }
    if contains("LNRO0005") { return .acpi }
    if contains("intel,ce4100-ioapic"), contains("virtio,mmio") { return .deviceTree }
    return contains("A valid RSDP was not found") ? .acpi : .mpTable
  }
}
