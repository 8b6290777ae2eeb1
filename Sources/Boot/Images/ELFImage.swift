/// An executable ELF64 file for x86_64, its program headers checked against the file and each other.
public struct ELFImage: Sendable {
  /// A stretch of the file and where it goes in guest memory (a PT_LOAD program header).
  public struct Segment: Equatable, Sendable {
    /// In bytes from the start of the file.
    public let fileOffset: UInt64
    /// Bytes that come from the file.
    public let fileSize: UInt64
    public let physicalAddress: UInt64
    /// Bytes taken in memory, at least ``fileSize``; the rest is zero.
    public let memorySize: UInt64

    /// One past the last byte in memory.
    public var end: UInt64 { physicalAddress + memorySize }
  }

  /// One entry of a PT_NOTE segment.
  public struct Note: Equatable, Sendable {
    public let owner: String
    public let type: UInt32
    public let contents: [UInt8]
  }

  /// e_entry. For Linux this is the physical address of the 64-bit entry point.
  public let entry: UInt64
  /// In ascending order of physical address, without overlap, none empty.
  public let segments: [Segment]
  public let notes: [Note]

  /// The physical address of the 32-bit PVH entry point, where a note names one (XEN_ELFNOTE_PHYS32_ENTRY).
  public var pvhEntry: UInt32? {
    guard let note = notes.first(where: { $0.owner == "Xen" && $0.type == 18 }) else { return nil }
    return ByteView(note.contents).number(UInt32.self, at: 0)
  }

  /// Whether it says of itself that it is Linux, as each one since 4.19 does.
  public var isLinux: Bool { notes.contains { $0.owner == "Linux" } }

  /// From the first to one past the last byte taken in guest-physical memory.
  public var physicalRange: Range<UInt64> {
    (segments.first?.physicalAddress ?? 0)..<(segments.last?.end ?? 0)
  }

  /// Whether a segment takes this guest-physical address.
  public func contains(_ address: UInt64) -> Bool {
    segments.contains { $0.physicalAddress <= address && address < $0.end }
  }

  /// - Throws: what is wrong with the file.
  public init(reading source: some ImageSource) throws(ImageError) {
    let header = try source.part("ELF header", at: 0, count: ELFHeader.size)
    try ELFHeader.check(header)
    let entries = try ELFImage.programHeaders(header, of: source)
    segments = try ELFImage.segments(entries, fileSize: source.size)
    notes = try ELFImage.notes(entries, of: source)
    entry = header.field(UInt64.self, ELFHeader.entry)
  }
}

/// Offsets in Elf64_Ehdr and Elf64_Phdr, in bytes (ELF-64 Object File Format, sections 3 and 6).
private enum ELFHeader {
  static let size = 64
  static let kind = 16
  static let machine = 18
  static let entry = 24
  static let tableOffset = 32
  static let entrySize = 54
  static let entryCount = 56

  static let programHeaderSize = 56
  static let loadable: UInt32 = 1
  static let note: UInt32 = 4
  /// More than any kernel has; keeps the table small enough to read whole.
  static let maximumEntries = 128
  /// A kernel has a few hundred bytes of notes.
  static let maximumNoteBytes: UInt64 = 1 << 16

  static func check(_ header: ByteView) throws(ImageError) {
    guard header.slice(at: 0, count: 4) == KernelImage.elfMagic else { throw .notAKernel(looksLike: nil) }
    guard header.bytes[4] == 2 else {
      throw header.bytes[4] == 1
        ? .wrongMachine("a 32-bit machine") : .corrupt("ELF class \(header.bytes[4])")
    }
    guard header.bytes[5] == 1 else { throw .wrongMachine("a big-endian machine") }
    let machine = header.field(UInt16.self, self.machine)
    guard machine == 62 else {
      let names: [UInt16: String] = [
        183: "arm64", 243: "RISC-V", 21: "PowerPC", 22: "s390x", 258: "LoongArch",
      ]
      throw .wrongMachine(names[machine] ?? "ELF machine \(machine)")
    }
    switch header.field(UInt16.self, kind) {
    case 2: return
    case 1: throw .unsupported("is an object file; link it to a vmlinux first")
    case 3:
      throw .unsupported("is a shared object or a position-independent program; link it at a fixed address")
    case 4: throw .unsupported("is a core dump; give a vmlinux or bzImage")
    case let kind: throw .corrupt("ELF type \(kind)")
    }
  }
}

/// Elf64_Phdr, the fields that matter here.
private struct ProgramHeader {
  let type: UInt32
  let fileOffset: UInt64
  let physicalAddress: UInt64
  let fileSize: UInt64
  let memorySize: UInt64

  init(_ table: ByteView, at offset: Int) {
    type = table.field(UInt32.self, offset)
    fileOffset = table.field(UInt64.self, offset + 8)
    physicalAddress = table.field(UInt64.self, offset + 24)
    fileSize = table.field(UInt64.self, offset + 32)
    memorySize = table.field(UInt64.self, offset + 40)
  }
}

extension ELFImage {
  private static func programHeaders(
    _ header: ByteView, of source: some ImageSource
  ) throws(ImageError) -> [ProgramHeader] {
    let count = Int(header.field(UInt16.self, ELFHeader.entryCount))
    guard count > 0 else {
      throw .unsupported("has no program headers, so nothing to load; give a linked vmlinux")
    }
    guard count <= ELFHeader.maximumEntries else {
      throw .corrupt("\(count) program headers, more than \(ELFHeader.maximumEntries)")
    }
    let size = header.field(UInt16.self, ELFHeader.entrySize)
    guard size == ELFHeader.programHeaderSize else { throw .corrupt("program headers of \(size) bytes") }
    let table = try source.part(
      "program header table", at: header.field(UInt64.self, ELFHeader.tableOffset),
      count: count * ELFHeader.programHeaderSize)
    return (0..<count).map { ProgramHeader(table, at: $0 * ELFHeader.programHeaderSize) }
  }

  private static func segments(
    _ headers: [ProgramHeader], fileSize: UInt64
  ) throws(ImageError) -> [Segment] {
    var segments: [Segment] = []
    for header in headers where header.type == ELFHeader.loadable && header.memorySize > 0 {
      let (fileEnd, fileOverflow) = header.fileOffset.addingReportingOverflow(header.fileSize)
      let (_, overflow) = header.physicalAddress.addingReportingOverflow(header.memorySize)
      guard !fileOverflow, !overflow else {
        throw .corrupt("a segment that passes the end of the address space")
      }
      guard header.fileSize <= header.memorySize else {
        throw .corrupt(
          "a segment with \(header.fileSize) bytes in the file and \(header.memorySize) in memory")
      }
      guard fileEnd <= fileSize else {
        throw .truncated(part: "loadable segment", end: fileEnd, size: fileSize)
      }
      segments.append(
        Segment(
          fileOffset: header.fileOffset, fileSize: header.fileSize,
          physicalAddress: header.physicalAddress, memorySize: header.memorySize))
    }
    guard !segments.isEmpty else { throw .unsupported("has no loadable segment; give a linked vmlinux") }
    segments.sort { $0.physicalAddress < $1.physicalAddress }
    for (lower, upper) in zip(segments, segments.dropFirst()) where upper.physicalAddress < lower.end {
      throw .corrupt("two segments that both take address 0x\(String(upper.physicalAddress, radix: 16))")
    }
    return segments
  }

  private static func notes(
    _ headers: [ProgramHeader], of source: some ImageSource
  ) throws(ImageError) -> [Note] {
    var notes: [Note] = []
    var total: UInt64 = 0
    for header in headers where header.type == ELFHeader.note {
      total = total.addingReportingOverflow(header.fileSize).partialValue
      guard header.fileSize <= ELFHeader.maximumNoteBytes, total <= ELFHeader.maximumNoteBytes else {
        throw .corrupt("more than \(ELFHeader.maximumNoteBytes) bytes of notes")
      }
      let segment = try source.part("note segment", at: header.fileOffset, count: Int(header.fileSize))
      notes += try parseNotes(segment)
    }
    return notes
  }

  /// Name and contents are each padded to a multiple of 4 bytes (System V ABI, note section).
  private static func parseNotes(_ segment: ByteView) throws(ImageError) -> [Note] {
    var notes: [Note] = []
    var offset = 0
    while offset < segment.count {
      guard let nameSize = segment.number(UInt32.self, at: offset),
        let contentSize = segment.number(UInt32.self, at: offset + 4),
        let type = segment.number(UInt32.self, at: offset + 8),
        let name = segment.slice(at: offset + 12, count: Int(nameSize))
      else { throw .corrupt("a note that passes the end of its segment") }
      let start = offset + 12 + paddedToWord(Int(nameSize))
      guard let contents = segment.slice(at: start, count: Int(contentSize)) else {
        throw .corrupt("a note that passes the end of its segment")
      }
      notes.append(Note(owner: ByteView(name).text(at: 0) ?? "", type: type, contents: contents))
      offset = start + paddedToWord(Int(contentSize))
    }
    return notes
  }

  private static func paddedToWord(_ count: Int) -> Int { (count + 3) & ~3 }
}
