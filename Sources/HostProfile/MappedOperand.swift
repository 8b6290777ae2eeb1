import GuestMemory

/// An operand in the guest's memory, which its own page tables lead to: a place for each page that it touches.
struct MappedOperand {
  /// Why an instruction cannot have its operand.
  enum Refusal: Error, Equatable {
    /// Bits 47 to 63 of an address are not alike: #GP.
    case notCanonical
    /// #PF at this linear address, with this error code.
    case fault(UInt64, UInt32)
    /// A page table or the operand lies outside RAM.
    case outsideRAM(GuestMemoryError)
  }

  /// Where the first byte is.
  let start: GuestAddress
  private let places: [GuestSlice]

  /// - Parameter pages: address and count of the bytes in each page, in order; at least one.
  init(_ pages: [(address: GuestAddress, count: Int)], memory: GuestMemory) throws(GuestMemoryError) {
    start = pages[0].address
    var places: [GuestSlice] = []
    for page in pages { places.append(try memory.slice(at: page.address, count: UInt64(page.count))) }
    self.places = places
  }

  /// Finds `count` bytes at a linear address, at least one. All of them are found before any is touched.
  init(
    _ linear: UInt64, _ count: Int, isWrite: Bool, by walk: PageWalk, memory: GuestMemory
  ) throws(Refusal) {
    for end in [linear, linear &+ UInt64(count - 1)] where end >> 47 != 0 && end >> 47 != 0x1FFFF {
      throw .notCanonical
    }
    var pages: [(address: GuestAddress, count: Int)] = []
    var (next, left) = (linear, count)
    while left > 0 {
      let length = min(left, Int(0x1000 - next & 0xFFF))
      switch try MappedOperand.translate(next, isWrite, walk, memory) {
      case .physical(let address): pages.append((address, length))
      case .fault(let code): throw .fault(next, code)
      }
      (next, left) = (next &+ UInt64(length), left - length)
    }
    do throws(GuestMemoryError) { self = try MappedOperand(pages, memory: memory) } catch {
      throw .outsideRAM(error)
    }
  }

  private static func translate(
    _ linear: UInt64, _ isWrite: Bool, _ walk: PageWalk, _ memory: GuestMemory
  ) throws(Refusal) -> PageWalk.Outcome {
    do throws(GuestMemoryError) {
      return try walk.translate(linear, isWrite: isWrite, memory: memory)
    } catch { throw .outsideRAM(error) }
  }

  func bytes(_ memory: GuestMemory) -> [UInt8] {
    var bytes: [UInt8] = []
    for place in places { bytes += memory.bytes(place) }
    return bytes
  }

  /// - Parameter bytes: as many as the operand has.
  func set(_ bytes: [UInt8], _ memory: GuestMemory) throws(GuestMemoryError) {
    var start = 0
    for place in places {
      try memory.copyIn(Array(bytes[start..<(start + place.count)]).span, to: place)
      start += place.count
    }
  }

  /// The operand as a number of 2, 4 or 8 bytes. On one page it is reached as a whole, as processors do where kernels
  /// align theirs; across two, a page after the other, as processors do too.
  func number(_ memory: GuestMemory) throws(GuestMemoryError) -> UInt64 {
    switch places.count == 1 ? places[0].count : 0 {
    case 2: UInt64(try memory.load(UInt16.self, in: places[0], offset: 0))
    case 4: UInt64(try memory.load(UInt32.self, in: places[0], offset: 0))
    case 8: try memory.load(UInt64.self, in: places[0], offset: 0)
    default: bytes(memory).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
  }

  /// Stores the low bytes of `value`, as ``number(_:)`` loads them.
  func set(_ value: UInt64, _ memory: GuestMemory) throws(GuestMemoryError) {
    switch places.count == 1 ? places[0].count : 0 {
    case 2: try memory.store(UInt16(truncatingIfNeeded: value), in: places[0], offset: 0)
    case 4: try memory.store(UInt32(truncatingIfNeeded: value), in: places[0], offset: 0)
    case 8: try memory.store(value, in: places[0], offset: 0)
    default: try set((0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }, memory)
    }
  }
}
