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
    guard let bytes = kernel.linuxBytes else { return }
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

extension MachineDescription.Kernel {
  /// Whether it is a Linux that tells, by its configuration or else its banner, that it is not built for several
  /// processors.
  public var isForOneProcessor: Bool {
    guard let bytes = linuxBytes else { return false }
    let text = EmbeddedText(in: bytes)
    if let configuration = text.configuration { return configuration["SMP"] != "y" }
    return text.banner.map { !$0.split(separator: " ").contains("SMP") } ?? false
  }

  /// All of the file; nil for what is not Linux or cannot be read.
  fileprivate var linuxBytes: [UInt8]? {
    let path = if case .descriptor(let number, _) = self { "/proc/self/fd/\(number)" } else { name }
    guard let file = try? FileDescriptor(opening: path, O_RDONLY), let source = try? FileSource(file),
      let elf = try? ELFImage(reading: source), elf.isLinux, source.size <= UInt64(Payload.unpackedLimit)
    else { return nil }
    return try? source.bytes(at: 0, count: Int(source.size))
  }
}
