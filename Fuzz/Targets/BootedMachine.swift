import DeviceFakes
import GuestMemory

@testable import Boot

/// A machine right before its first instruction: all that the kernel will find, looked at as the kernel does.
struct BootedMachine {
  let memory: GuestMemory
  let plan: BootPlan
  let loaded: LoadedKernel

  func number<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type, _ address: UInt64) throws
    -> Value
  {
    try memory.load(type, at: GuestAddress(address))
  }

  func bytes(_ address: UInt64, _ count: UInt64) throws -> [UInt8] {
    try memory.bytes(at: GuestAddress(address), count: count)
  }

  var ranges: [Range<UInt64>] { memory.ranges.map { $0.start.value..<($0.start.value + $0.count) } }

  func checkPlaces() throws {
    let layout = loaded.layout
    try check(layout.memory == ranges, "the layout has other memory")
    try check(ranges[0].contains(layout.kernel.lowerBound), "the kernel is not in RAM")
    try check(layout.kernel.upperBound <= ranges[0].upperBound, "the kernel passes the end of RAM")
    try check(layout.kernel.lowerBound >= 0x10_0000, "the kernel lies over the tables")
    try check(layout.cpuCount == plan.cpuCount && layout.virtio == plan.virtio, "other devices than planned")
  }

  /// Its segments are in memory as in the file, zero behind; it is entered in one of them.
  func checkKernel(_ image: ELFImage, _ file: [UInt8]) throws {
    for segment in image.segments {
      let start = Int(segment.fileOffset)
      let contents = file[start..<(start + Int(segment.fileSize))]
      try check(
        Array(contents) == bytes(segment.physicalAddress, segment.fileSize),
        "a segment is not what its file has")
      let rest = min(segment.memorySize - segment.fileSize, 0x1000)
      try check(
        bytes(segment.physicalAddress + segment.fileSize, rest).allSatisfy { $0 == 0 },
        "a segment's end is not zero")
    }
    let entry = loaded.initialState.rip
    try check(
      image.segments.contains { $0.physicalAddress <= entry && entry < $0.end }, "entered outside the kernel")
  }

  func checkRamdisk(_ contents: [UInt8]) throws {
    guard let range = loaded.layout.initrd else { return try check(contents.isEmpty, "the initrd is lost") }
    try check(range.lowerBound % 4096 == 0, "the initrd is not at a page")
    try check(
      !range.overlaps(loaded.layout.kernel) && range.lowerBound >= 0x10_0000, "the initrd lies over something"
    )
    try check(bytes(range.lowerBound, UInt64(contents.count)) == contents, "the initrd is not its file")
    try check(range.upperBound - range.lowerBound == UInt64(contents.count), "the initrd has another length")
  }

  /// The registers and what they point to.
  func checkParameters() throws {
    let state = loaded.initialState
    let line = Array(loaded.layout.commandLine.utf8)
    try check(
      bytes(X86Layout.commandLine, UInt64(line.count) + 1) == line + [0], "the command line is not in memory")
    try check(line.count <= KernelCommandLine.limit, "the command line is too long")
    let code = try number(UInt64.self, state.gdt.base + UInt64(state.cs.selector))
    try check(code == state.cs.descriptor, "the code segment is not in the table")
    if state.efer != 0 { try checkBootParameters(at: state.rsi) } else { try checkStartInfo(at: state.rbx) }
  }

  private func checkBootParameters(at page: UInt64) throws {
    try check(page == X86Layout.bootParameters, "no boot parameters")
    try check(try number(UInt32.self, page + 0x228) == UInt32(X86Layout.commandLine), "no command line")
    let count = try number(UInt8.self, page + 0x1e8)
    try checkMemoryMap(
      try (0..<UInt64(count)).map { entry in
        let place = page + 0x2d0 + 20 * entry
        try check(try number(UInt32.self, place + 16) == 1, "a range that is not RAM")
        return (try number(UInt64.self, place), try number(UInt64.self, place + 8))
      })
    let initrd = try number(UInt32.self, page + 0x218)
    try check(UInt64(initrd) == loaded.layout.initrd?.lowerBound ?? 0, "the initrd is elsewhere")
    try checkSetupData(try number(UInt64.self, page + 0x250))
  }

  /// The chain ends, and holds what was planned.
  private func checkSetupData(_ first: UInt64) throws {
    var kinds: [UInt32] = []
    var next = first
    while next != 0, kinds.count < 8 {
      kinds.append(try number(UInt32.self, next + 8))
      let count = try number(UInt32.self, next + 12)
      let contents = try bytes(next + 16, UInt64(count))
      try check(
        X86Layout.biosHole.contains(next) && next + 16 + UInt64(count) <= 0x10_0000, "setup data in the way")
      if kinds.last == 2 { try FlattenedTreeCheck(contents).run(expecting: plan) }
      if kinds.last == 9 { try check(contents == plan.randomSeed, "another seed") }
      next = try number(UInt64.self, next)
    }
    let expected = (plan.randomSeed.isEmpty ? [] : [9]) + (plan.description == .deviceTree ? [2] : [])
    try check(kinds.map(Int.init) == expected, "setup data of kinds \(kinds)")
  }

  private func checkStartInfo(at place: UInt64) throws {
    try check(try number(UInt32.self, place) == 0x336e_c578, "no start info")
    let map = try number(UInt64.self, place + 40)
    let count = try number(UInt32.self, place + 48)
    try checkMemoryMap(
      try (0..<UInt64(count)).map { entry in
        (try number(UInt64.self, map + 24 * entry), try number(UInt64.self, map + 24 * entry + 8))
      })
    guard let initrd = loaded.layout.initrd else { return }
    try check(try number(UInt32.self, place + 12) == 1, "no module")
    let module = try number(UInt64.self, place + 16)
    try check(try number(UInt64.self, module) == initrd.lowerBound, "the initrd is elsewhere")
  }

  /// Ascending, in RAM, and clear of the tables.
  private func checkMemoryMap(_ entries: [(start: UInt64, count: UInt64)]) throws {
    var end: UInt64 = 0
    for (start, count) in entries {
      try check(start >= end && count > 0, "the map of memory is out of order")
      end = start + count
      try check(
        ranges.contains { $0.lowerBound <= start && end <= $0.upperBound },
        "a map of memory that is not there")
      try check(!X86Layout.biosHole.overlaps(start..<end), "the tables are given away")
    }
    try check(end == ranges.last?.upperBound, "memory ends at \(end)")
  }
}
