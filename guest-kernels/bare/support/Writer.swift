import Platform

/// Writes one field after the other.
struct Writer {
  private let start: UInt64
  private var place: UInt64

  init(at start: UInt64) {
    self.start = start
    place = start
  }

  var count: UInt32 { UInt32(truncatingIfNeeded: place &- start) }

  mutating func put(_ value: UInt8) {
    store8(place, value)
    place &+= 1
  }

  mutating func put(_ value: UInt16) {
    store16(place, value)
    place &+= 2
  }

  mutating func put(_ value: UInt32) {
    store32(place, value)
    place &+= 4
  }

  mutating func put(_ value: UInt64) {
    store64(place, value)
    place &+= 8
  }

  /// The text without an end.
  mutating func put(_ text: StaticString) {
    for index in 0..<text.utf8CodeUnitCount { put(text.utf8Start[index]) }
  }

  mutating func skip(_ count: UInt64) { place &+= count }
}
