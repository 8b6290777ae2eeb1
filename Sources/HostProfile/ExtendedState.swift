import KVM

/// Vector and floating-point state in the standard form of the XSAVE area, and what XSAVE and XRSTOR do with it (Intel
/// SDM volume 1, 13.4, 13.7 and 13.8).
struct ExtendedState: Equatable {
  /// The processor's state as KVM gives and takes it: legacy region, header, components.
  var image: [UInt8]
  /// XCR0.
  var enabled: UInt64

  /// Bits of component bit maps.
  private enum Component {
    static let x87: UInt64 = 1
    static let sse: UInt64 = 1 << 1
    static let avx: UInt64 = 1 << 2
  }

  /// Where XSTATE_BV and XCOMP_BV stand, and the first byte behind the header.
  private static let header = 512
  private static let headerEnd = 576

  /// Where each component lies, by its number in XCR0, from 2 on. Asked for once: CPUID leaves the virtual machine that a host
  /// without VMX and SVM is, and this is looked at for each switch of processes.
  private static let places = (0..<63).map { Processor.stateComponent($0) }

  /// Bytes of an area that holds the components `requested`; nil where KVM's own image has no room for one of them.
  func areaSize(_ requested: UInt64) -> Int? {
    var size = ExtendedState.headerEnd
    for component in 2..<63 where enabled & requested & 1 << UInt64(component) != 0 {
      let place = ExtendedState.places[component]
      guard place.offset >= ExtendedState.headerEnd, place.offset <= image.count,
        place.size <= image.count - place.offset
      else { return nil }
      size = max(size, place.offset + place.size)
    }
    return size
  }

  /// XSAVE: changes `area`, which is ``areaSize(_:)`` long, in what the instruction writes.
  func save(_ requested: UInt64, to area: inout [UInt8]) {
    let mask = enabled & requested
    for range in ExtendedState.ranges(mask) { area.replaceSubrange(range, with: image[range]) }
    if mask & (Component.sse | Component.avx) != 0 {
      area.replaceSubrange(ExtendedState.controls, with: image[ExtendedState.controls])
    }
    let inUse = ExtendedState.number(image, at: ExtendedState.header)
    let before = ExtendedState.number(area, at: ExtendedState.header)
    ExtendedState.set(&area, at: ExtendedState.header, to: before & ~mask | inUse & mask)
  }

  /// The state after XRSTOR from `area`, which is ``areaSize(_:)`` long; nil where the instruction raises #GP.
  func restored(_ requested: UInt64, from area: [UInt8]) -> ExtendedState? {
    let mask = enabled & requested
    let saved = ExtendedState.number(area, at: ExtendedState.header)
    // The compacted form is not offered; the sixteen bytes after XSTATE_BV are zero in the standard one.
    let reserved = (ExtendedState.header + 8)..<(ExtendedState.header + 24)
    guard saved & ~enabled == 0, area[reserved].allSatisfy({ $0 == 0 }) else { return nil }
    var after = self
    for range in ExtendedState.ranges(mask & saved) { after.image.replaceSubrange(range, with: area[range]) }
    for range in ExtendedState.ranges(mask & ~saved) {
      after.image.replaceSubrange(range, with: repeatElement(0, count: range.count))
    }
    if mask & ~saved & Component.x87 != 0 { after.image.replaceSubrange(0..<2, with: [0x7F, 0x03]) }
    // MXCSR is loaded whether or not its components were saved; its mask is nobody's to change.
    if mask & (Component.sse | Component.avx) != 0 {
      let control = area[24..<28]
      guard zip(control, ExtendedState.allowed(image[28..<32])).allSatisfy({ $0 & ~$1 == 0 }) else {
        return nil
      }
      after.image.replaceSubrange(24..<28, with: control)
    }
    // What is in its initial state is written out, as in use: the same to the guest.
    ExtendedState.set(
      &after.image, at: ExtendedState.header, to: ExtendedState.number(image, at: ExtendedState.header) | mask
    )
    return after
  }

  /// The bits that MXCSR may have, by its mask; a mask of zero stands for 0xFFBF.
  private static func allowed(_ mask: ArraySlice<UInt8>) -> [UInt8] {
    mask.allSatisfy { $0 == 0 } ? [0xBF, 0xFF, 0, 0] : Array(mask)
  }

  /// MXCSR and its mask.
  private static let controls = 24..<32

  /// The bytes that belong to the components in `mask`, but for ``controls``, which two of them share.
  private static func ranges(_ mask: UInt64) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    if mask & Component.x87 != 0 { ranges += [0..<24, 32..<160] }
    if mask & Component.sse != 0 { ranges.append(160..<416) }
    for component in 2..<63 where mask & 1 << UInt64(component) != 0 {
      let place = places[component]
      ranges.append(place.offset..<(place.offset + place.size))
    }
    return ranges
  }

  private static func number(_ bytes: [UInt8], at start: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << (8 * UInt64($1)) }
  }

  private static func set(_ bytes: inout [UInt8], at start: Int, to value: UInt64) {
    for index in 0..<8 { bytes[start + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
  }
}
