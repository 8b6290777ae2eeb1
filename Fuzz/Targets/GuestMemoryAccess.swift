import DeviceFakes
import Glibc
import GuestMemory
import LinuxSystem

extension FuzzTarget {
  /// Addresses, slices and scatter lists, compared with plain numbers.
  static func guestMemory(_ bytes: [UInt8]) throws {
    var script = Script(bytes, edge: GuestMemory.holeStart)
    let sizes: [UInt64] = [0x1000, 0x10_0000, GuestMemory.holeStart, GuestMemory.holeStart + 0x10_0000]
    let size = sizes[script.number(below: sizes.count)]
    let memory = try GuestMemory(size: size)
    let low = 0..<min(size, GuestMemory.holeStart)
    let high = GuestMemory.highStart..<(GuestMemory.highStart + size - low.upperBound)
    let list = ScatterList(memory: memory, capacity: 8)
    var entries: [GuestSlice] = []
    var marker: UInt8 = 0
    while !script.isAtEnd {
      let address = script.value()
      let count = script.byte() % 2 == 0 ? script.value() : UInt64(script.byte())
      let (end, overflow) = address.addingReportingOverflow(count)
      let isRAM =
        !overflow && [low, high].contains { $0.lowerBound <= address && end <= $0.upperBound }
      guard let slice = try? memory.slice(at: GuestAddress(address), count: count) else {
        try check(!isRAM, "\(count) bytes at \(address) refused")
        continue
      }
      try check(isRAM, "\(count) bytes at \(address) accepted")
      try check(slice.count == Int(count), "a slice of \(slice.count) bytes, not \(count)")
      try checkParts(of: slice, &script)
      guard count <= 0x1000 else { continue }
      marker = marker &* 7 &+ 1
      memory.fill(slice, with: marker)
      try check(memory.bytes(slice).allSatisfy { $0 == marker }, "what was written is not read")
      let hasRoom = entries.count < 8
      try check(list.append(slice) == hasRoom, "a list of \(entries.count) slices takes or refuses one more")
      if hasRoom, count > 0 { entries.append(slice) }
    }
    try check(list.count == entries.count, "\(list.count) slices where \(entries.count) were appended")
    let all = entries.flatMap { memory.bytes($0) }
    let file = try FileDescriptor(memoryFile: "fuzz")
    try checkContents(of: list, all, file)
    let dropped = all.isEmpty ? 0 : bytes.count &* 31 % (all.count + 1)
    list.removeFirst(dropped)
    try checkContents(of: list, Array(all.dropFirst(dropped)), file)
  }

  private static func checkParts(of slice: GuestSlice, _ script: inout Script) throws {
    let start = Int(truncatingIfNeeded: script.value())
    let count = Int(script.byte())
    let isInside = start >= 0 && start <= slice.count && count <= slice.count - start
    let part = try? slice.slice(from: start, count: count)
    try check((part != nil) == isInside, "bytes \(start)+\(count) of \(slice.count)")
  }

  /// The list stands for `bytes`: they are what a system call writes.
  private static func checkContents(
    of list: ScatterList, _ bytes: [UInt8], _ file: borrowing FileDescriptor
  ) throws {
    try check(list.byteCount == bytes.count, "a list of \(list.byteCount) bytes, not \(bytes.count)")
    try check(try list.write(to: file, at: 0) == bytes.count, "a short write to memory")
    try check(try file.bytes(count: bytes.count, at: 0) == bytes, "a list of the wrong bytes")
  }
}
