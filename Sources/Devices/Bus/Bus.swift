/// Why a device cannot be put on a bus. Always a mistake of the monitor or of its configuration.
public enum BusError: Error, Sendable, Equatable {
  /// The range is empty or runs past the end of the address space.
  case invalidRange(name: String, start: UInt64, size: UInt64)
  /// The range shares addresses with another device's.
  case overlap(name: String, with: String)
}

extension BusError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .invalidRange(let name, let start, let size):
      "device \(name): \(size) bytes at 0x\(String(start, radix: 16)) are not a range of addresses"
    case .overlap(let name, let other):
      "device \(name) overlaps device \(other)"
    }
  }
}

/// Collects the devices of one address space; `build` freezes them.
public struct BusBuilder {
  private var entries: [Bus.Entry] = []

  public init() {}

  /// Puts `device` at `start ..< start + size`.
  ///
  /// - Parameter registerOffset: The device's offset of the first address, for a device whose registers lie in
  ///   several ranges.
  public mutating func insert(
    _ device: any BusDevice, at start: UInt64, size: UInt64, name: String, registerOffset: UInt64 = 0
  ) throws(BusError) {
    let (end, overflow) = start.addingReportingOverflow(size)
    guard size > 0, !overflow, !registerOffset.addingReportingOverflow(size).overflow else {
      throw .invalidRange(name: name, start: start, size: size)
    }
    let place = entries.firstIndex { $0.start > start } ?? entries.count
    if place > 0, entries[place - 1].end > start {
      throw .overlap(name: name, with: entries[place - 1].name)
    }
    if place < entries.count, entries[place].start < end {
      throw .overlap(name: name, with: entries[place].name)
    }
    entries.insert(
      Bus.Entry(start: start, end: end, registerOffset: registerOffset, name: name, device: device), at: place
    )
  }

  /// The finished bus.
  public consuming func build() -> Bus { Bus(entries: entries) }
}

/// One address space (ports or MMIO), frozen before the first vCPU runs, so that a lookup needs no lock.
///
/// An access that no device covers completely reads all ones and writes nothing, as on a bus where no
/// device answers.
public final class Bus: Sendable {
  struct Entry {
    let start: UInt64
    let end: UInt64
    let registerOffset: UInt64
    let name: String
    let device: any BusDevice
  }

  private let entries: [Entry]

  fileprivate init(entries: [Entry]) { self.entries = entries }

  /// The value at `address`, all ones if no device covers the whole access.
  public func read(address: UInt64, width: AccessWidth) -> UInt64 {
    guard let index = lookup(address, width) else { return width.mask }
    let offset = address &- entries[index].start &+ entries[index].registerOffset
    return entries[index].device.read(offset: offset, width: width) & width.mask
  }

  /// Writes the low `width` bytes of `value`; false if no device covers the whole access.
  @discardableResult
  public func write(address: UInt64, width: AccessWidth, value: UInt64) -> Bool {
    guard let index = lookup(address, width) else { return false }
    let offset = address &- entries[index].start &+ entries[index].registerOffset
    entries[index].device.write(offset: offset, width: width, value: value & width.mask)
    return true
  }

  /// The name of the device at `address`; nil where there is none.
  public func name(at address: UInt64) -> String? { lookup(address, .byte).map { entries[$0].name } }

  /// The entry that covers the whole access: the last one that starts at or below it, if it reaches far enough.
  private func lookup(_ address: UInt64, _ width: AccessWidth) -> Int? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low &+ high) / 2
      if entries[middle].start <= address { low = middle &+ 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let end = entries[low &- 1].end
    guard address < end, width.bytes <= end &- address else { return nil }
    return low &- 1
  }
}
