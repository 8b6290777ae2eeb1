/// How a guest is told what hardware it has.
public enum HardwareDescription: String, CaseIterable, Sendable {
  /// Intel's MultiProcessor table, and `virtio_mmio.device=` on the command line.
  case mpTable = "mptable"
  case acpi
  /// A flattened device tree (SETUP_DTB of the boot protocol).
  case deviceTree = "fdt"
}
