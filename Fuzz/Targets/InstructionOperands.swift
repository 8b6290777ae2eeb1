import DeviceFakes
import GuestMemory

@testable import HostProfile

extension FuzzTarget {
  private static let size: UInt64 = 0x8000

  /// An operand found by page tables that the guest makes up, and written to: it lies where the tables say, and nothing
  /// else of memory changes but their marks.
  static func pageWalk(_ bytes: [UInt8]) throws {
    var script = Script(bytes, edge: size)
    let memory = try GuestMemory(size: size)
    let all = try memory.slice(at: GuestAddress(0), count: size)
    let walk = PageWalk(root: root(&script), isWriteProtected: script.byte() & 1 != 0)
    let isWrite = script.byte() & 1 != 0
    let linear = linearAddress(&script)
    let count = [1, 2, 4, 8, 16, 576, 832, 4096][script.number(below: 8)]
    while !script.isAtEnd { try storeEntry(&script, memory) }
    let before = memory.bytes(all)

    let mapped: MappedOperand
    do throws(MappedOperand.Refusal) {
      mapped = try MappedOperand(linear, count, isWrite: isWrite, by: walk, memory: memory)
    } catch {
      try checkMarks(before, memory.bytes(all), isWrite)
      let ends = [linear, linear &+ UInt64(count - 1)]
      let isCanonical = ends.allSatisfy { $0 >> 47 == 0 || $0 >> 47 == 0x1FFFF }
      try check((error == .notCanonical) == !isCanonical, "\(error) at \(linear)")
      let isThere = isCanonical && places(linear, count, isWrite, walk, before) != nil
      try check(!isThere, "not found where the tables lead to RAM: \(error)")
      return
    }
    try checkMarks(before, memory.bytes(all), isWrite)
    guard let places = places(linear, count, isWrite, walk, before) else {
      throw Finding(description: "found where the tables do not lead to RAM")
    }
    try check(mapped.start.value == UInt64(places[0]), "begins at \(mapped.start)")
    let marked = memory.bytes(all)
    try check(mapped.bytes(memory) == places.map { marked[$0] }, "not the bytes that are there")
    guard isWrite else { return }
    if [2, 4, 8].contains(count) {
      let number = places.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(marked[$1]) }
      try check(try mapped.number(memory) == number, "not the number that is there")
      try mapped.set(~number, memory)
      try check(memory.bytes(all) == changed(marked, places) { ~marked[$0] }, "a number stored elsewhere")
    } else {
      try mapped.set([UInt8](repeating: 0xA5, count: count), memory)
      try check(memory.bytes(all) == changed(marked, places) { _ in 0xA5 }, "bytes stored elsewhere")
    }
  }

  private static func root(_ script: inout Script) -> UInt64 {
    let page = script.byte()
    return page < 0xF0 ? UInt64(page % 8) << 12 : script.value()
  }

  /// Often at the end of a page.
  private static func linearAddress(_ script: inout Script) -> UInt64 {
    guard script.byte() & 7 != 0 else { return script.value() }
    var linear: UInt64 = 0
    for shift: UInt64 in [39, 30, 21, 12] { linear |= UInt64(script.byte()) << shift }
    if script.byte() & 1 != 0 { linear |= 0xFFFF_8000_0000_0000 }
    return linear | (0xFF0 &+ UInt64(script.byte())) & 0xFFF
  }

  /// An entry of a table, often leading to another or to a page.
  private static func storeEntry(_ script: inout Script, _ memory: GuestMemory) throws {
    let place = UInt64(script.byte() % 8) << 12 | UInt64(script.byte()) << 3 | UInt64(script.byte() & 1) << 11
    let target = script.byte()
    let entry = target < 0xF0 ? UInt64(target % 9) << 12 | UInt64(script.byte()) : script.value()
    try memory.store(entry, at: GuestAddress(place))
  }

  /// The walk once more, over a copy of memory: where a byte is; nil where the guest may not have it, or has no RAM.
  private static func expected(_ linear: UInt64, _ isWrite: Bool, _ walk: PageWalk, _ memory: [UInt8]) -> Int?
  {
    var (table, mayWrite) = (walk.root & 0xF_FFFF_FFFF_F000, true)
    for (level, bits) in [UInt64(39), 30, 21, 12].enumerated() {
      let place = table + linear >> bits % 512 * 8
      guard place + 8 <= size else { return nil }
      let entry = (0..<8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(memory[Int(place) + $1]) }
      guard entry & 1 == 1 else { return nil }
      mayWrite = mayWrite && entry & 2 == 2
      table = entry & 0xF_FFFF_FFFF_F000
      guard level == 3 || (level > 0 && entry & 0x80 != 0) else { continue }
      let inPage: UInt64 = (1 << bits) - 1
      let address = table & ~inPage | linear & inPage
      return isWrite && !mayWrite && walk.isWriteProtected || address >= size ? nil : Int(address)
    }
    return nil
  }

  /// Where each byte of an operand is.
  private static func places(
    _ linear: UInt64, _ count: Int, _ isWrite: Bool, _ walk: PageWalk, _ memory: [UInt8]
  ) -> [Int]? {
    var places: [Int] = []
    while places.count < count {
      let next = linear &+ UInt64(places.count)
      guard let place = expected(next, isWrite, walk, memory) else { return nil }
      places += place..<(place + min(count - places.count, 0x1000 - Int(next % 0x1000)))
    }
    return places
  }

  private static func changed(_ bytes: [UInt8], _ places: [Int], _ value: (Int) -> UInt8) -> [UInt8] {
    var bytes = bytes
    for place in places { bytes[place] = value(place) }
    return bytes
  }

  private static func checkMarks(_ before: [UInt8], _ after: [UInt8], _ isWrite: Bool) throws {
    // Accessed, and dirty.
    let may: UInt8 = isWrite ? 0x60 : 0x20
    for index in before.indices where before[index] != after[index] {
      try check(index % 8 == 0 && before[index] | may == after[index] | may, "byte \(index) changed")
      try check(before[index] & ~after[index] == 0, "a mark taken away at \(index)")
    }
  }

  /// XSAVE and XRSTOR with any registers, and any area in memory: they keep within the area, a state can be given to
  /// KVM afterwards, and what was saved is what is restored.
  static func extendedState(_ bytes: [UInt8]) throws {
    var script = Script(bytes, edge: 1 << 63)
    let enabled = script.value() & (.max >> 1) | 1
    let requested = script.value()
    let mask = enabled & requested
    var image = [UInt8](repeating: script.byte(), count: 4096)
    // As KVM gives it: MXCSR by its mask, the standard form, and in use only what is enabled.
    image.replaceSubrange(24..<32, with: [0x80, 0x1F, 0, 0, 0xFF, 0xFF, 0, 0])
    image.replaceSubrange(512..<576, with: repeatElement(0, count: 64))
    let inUse = script.value() & enabled
    for index in 0..<8 { image[512 + index] = UInt8(truncatingIfNeeded: inUse >> (8 * UInt64(index))) }
    let state = ExtendedState(image: image, enabled: enabled)
    guard let size = state.areaSize(requested) else { return }
    try check(size >= 576 && size <= image.count, "an area of \(size) bytes")

    var area = [UInt8](repeating: script.byte(), count: size)
    if script.byte() & 1 != 0 { area.replaceSubrange(512..<576, with: repeatElement(0, count: 64)) }
    if script.byte() & 1 != 0 { area.replaceSubrange(24..<28, with: [0x80, 0x1F, 0, 0]) }
    while !script.isAtEnd {
      let place = Int(script.byte()) << 8 | Int(script.byte())
      area[script.byte() & 1 == 0 ? place % size : 512 + place % 64] = script.byte()
    }
    if let restored = state.restored(requested, from: area) {
      try check(restored.image.count == image.count && restored.enabled == enabled, "another kind of state")
      try check(restored.image[26] == 0 && restored.image[27] == 0, "reserved bits of MXCSR")
      try check(restored.image[512..<520] == number(inUse | mask)[...], "components that KVM does not know")
      try check(restored.image[520..<576].allSatisfy { $0 == 0 }, "not the standard form")
      // What was restored is what would be saved again.
      var again = [UInt8](repeating: 0, count: size)
      restored.save(requested, to: &again)
      try check(restored.restored(requested, from: again) == restored, "saved and restored: another state")
    }
    let before = area
    state.save(requested, to: &area)
    try check(area.count == size, "an area of another size")
    try check(area[520..<576] == before[520..<576], "the header was written to beyond its first number")
    if mask & 6 == 0 { try check(area[24..<32] == before[24..<32], "MXCSR saved unasked") }
    if mask & 3 == 0 { try check(area[32..<416] == before[32..<416], "registers saved unasked") }
  }

  private static func number(_ components: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: components >> (8 * UInt64($0))) }
  }
}
