public import Boot
public import Configuration
import LinuxSystem

/// What a kernel, an initial RAM disk or a disk image is, in the order it is told.
public struct ImageReport: Sendable {
  public private(set) var report = Report()

  /// - Throws: a `Diagnostic` that calls the kernel `name`.
  public init(of source: some ImageSource, name: String) throws(Diagnostic) {
    report.add("file", .text(name))
    report.add("size", .number(source.size))
    let image: KernelImage
    do throws(ImageError) { image = try KernelImage(reading: source) } catch {
      guard case .notAKernel(let kind) = error else { throw badKernel(name, "\(error)") }
      guard let file = GuestFile(reading: source) else {
        let resemblance = kind.map { "is \($0)" } ?? "is nothing known"
        throw Diagnostic(
          .badInput, "unknown file", which: name,
          mend: "\(resemblance): neither a kernel, an initrd nor a disk image")
      }
      report.add("format", .text(file.format))
      report.add("use", .text(file.use))
      return
    }
    switch image {
    case .elf(let elf):
      report.add("format", .text("ELF"))
      try add(elf, in: source, name)
    case .bzImage(let bzImage):
      report.add("format", .text("bzImage"))
      try add(bzImage, in: source, name)
    }
  }

  private mutating func add(
    _ image: BzImage, in source: some ImageSource, _ name: String
  ) throws(Diagnostic) {
    report.add("version", image.kernelVersion.map(Report.Value.text) ?? .unknown)
    let version = image.protocolVersion
    report.add("boot-protocol", .text("\(version >> 8).\(version & 0xff < 10 ? "0" : "")\(version & 0xff)"))
    report.add("compression", image.compression.map { .text($0.rawValue) } ?? .unknown)
    report.add("payload-size", .number(image.payloadSize))
    report.add("command-line-limit", .number(UInt64(image.commandLineLimit)))
    report.add("relocatable", .truth(image.isRelocatable))
    guard let compression = image.compression, compression != .lzo else { return }
    let payload = try Payload(of: image, in: source, name: name)
    report.add("unpacked-size", .number(UInt64(payload.unpackedSize)))
    let memory = try payload.unpack(name: name)
    let unpacked = ImageBytes(Array(UnsafeRawBufferPointer(start: memory.base, count: memory.count)))
    let elf: ELFImage
    do throws(ImageError) { elf = try ELFImage(reading: unpacked) } catch {
      throw badKernel(name, "\(error)")
    }
    try add(elf, in: unpacked, name)
  }

  private mutating func add(_ elf: ELFImage, in source: some ImageSource, _ name: String) throws(Diagnostic) {
    report.add("entry", .address(elf.entry))
    if !elf.contains(elf.entry) {
      report.add("remark", .text("the entry is in none of the segments: only a linked vmlinux can be booted"))
    }
    report.add("pvh-entry", elf.pvhEntry.map { .address(UInt64($0)) } ?? .unknown)
    report.add("memory", .range(elf.physicalRange))
    report.add("segments", .number(UInt64(elf.segments.count)))
    for note in elf.notes where note.owner == "GNU" && note.type == 3 {
      report.add(
        "build-id", .text(note.contents.map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()))
    }
    report.add("notes", .list(elf.notes.map { "\($0.owner) \($0.type)" }))
    guard source.size <= UInt64(Payload.unpackedLimit) else { return }
    let bytes: [UInt8]
    do throws(ImageError) {
      bytes = try source.bytes(at: 0, count: Int(source.size))
    } catch {
      throw badKernel(name, "\(error)")
    }
    add(EmbeddedText(in: bytes))
  }

  /// The options that decide how the kernel can be told of its devices, and whether it can drive them.
  private static let options = [
    "SMP", "OF", "OF_EARLY_FLATTREE", "ACPI", "X86_MPPARSE", "PVH", "VIRTIO_MMIO",
    "VIRTIO_MMIO_CMDLINE_DEVICES", "VIRTIO_BLK", "VIRTIO_CONSOLE", "HW_RANDOM_VIRTIO", "SERIAL_8250",
    "BLK_DEV_INITRD",
  ]

  private mutating func add(_ text: EmbeddedText) {
    report.add("banner", text.banner.map(Report.Value.text) ?? .unknown)
    report.add("configuration", .truth(text.configuration != nil))
    guard let configuration = text.configuration else { return }
    for option in ImageReport.options {
      report.add("CONFIG_\(option)", .text(configuration[option] ?? "n"))
    }
  }
}
