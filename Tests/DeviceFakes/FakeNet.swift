package import Devices
package import GuestMemory

/// The other end of a network card's cable, driven by hand.
package final class FakeNet: NetBackend {
  package struct Frame: Equatable {
    package let header: NetHeader
    package let bytes: [UInt8]

    package init(header: NetHeader, bytes: [UInt8]) {
      self.header = header
      self.bytes = bytes
    }
  }

  package let offloads: NetOffloads
  /// What the guest will be sent.
  package var incoming: [(bytes: [UInt8], header: NetHeader)] = []
  /// What the guest has sent.
  package private(set) var sent: [Frame] = []
  /// Frames it takes before it must be waited for.
  package var room = Int.max
  package private(set) var dropped = 0
  package private(set) var flushes = 0
  package private(set) var leftToGuest: [NetOffloads] = []

  package init(offloads: NetOffloads = []) { self.offloads = offloads }

  package func begin(leavingToGuest offloads: NetOffloads) { leftToGuest.append(offloads) }

  package func send(_ header: NetHeader, _ frame: [GuestSlice], of memory: GuestMemory) -> Bool {
    guard room > 0 else { return false }
    if room != Int.max { room -= 1 }
    sent.append(Frame(header: header, bytes: frame.flatMap { memory.bytes($0) }))
    return true
  }

  package func flush() { flushes += 1 }

  package func receive(into room: [GuestSlice], of memory: GuestMemory) -> NetReceived {
    guard let next = incoming.first else { return .none }
    guard next.bytes.count <= room.reduce(0, { $0 + $1.count }) else {
      return .tooLong(count: next.bytes.count)
    }
    var place = 0
    for slice in room where place < next.bytes.count {
      let part = Array(next.bytes[place...].prefix(slice.count))
      try? memory.copyIn(part.span, to: slice)
      place += part.count
    }
    incoming.removeFirst()
    return .frame(count: next.bytes.count, next.header)
  }

  package func dropFrame() {
    incoming.removeFirst()
    dropped += 1
  }
}

/// The bytes of a header, field by field.
package func netHeader(
  flags: UInt8 = 0, kind: UInt8 = 0, length: UInt16 = 0, segment: UInt16 = 0, start: UInt16 = 0,
  offset: UInt16 = 0, buffers: UInt16 = 0
) -> [UInt8] {
  [flags, kind]
    + [length, segment, start, offset, buffers].flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
}

extension NetHeader {
  /// The header that 12 bytes are.
  package init(bytes: [UInt8]) {
    var array = InlineArray<12, UInt8>(repeating: 0)
    for index in 0..<12 { array[index] = bytes[index] }
    self.init(array)
  }
}
