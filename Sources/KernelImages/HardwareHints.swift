import Boot
public import Configuration
import Glibc
import LinuxSystem

extension MachineDescription.HardwareDescription {
  /// What a Linux can be told of its hardware by, as far as the names it holds tell: the command line with an
  /// MP table where its virtio-mmio driver reads that (the cheapest), else ACPI, else a device tree. `auto`
  /// for what is not Linux or cannot be read: the monitor decides.
  public init(understoodBy kernel: MachineDescription.Kernel) {
    self = .auto
    let path = if case .descriptor(let number, _) = kernel { "/proc/self/fd/\(number)" } else { kernel.name }
    guard let file = try? FileDescriptor(opening: path, O_RDONLY), let source = try? FileSource(file),
      let elf = try? ELFImage(reading: source), elf.isLinux, source.size <= UInt64(Payload.unpackedLimit),
      let bytes = try? source.bytes(at: 0, count: Int(source.size))
    else { return }
    let hints: [(String, Self)] = [
      // The driver's parameter, the signature the ACPI code looks for, and the interrupt controller that the
      // device tree of a PC names.
      ("virtio_mmio.device", .mptable), ("RSD PTR ", .acpi), ("intel,ce4100-ioapic", .fdt),
    ]
    if let hint = hints.first(where: { firstIndex(of: Array($0.0.utf8), in: bytes, from: 0) != nil }) {
      self = hint.1
    }
  }
}
