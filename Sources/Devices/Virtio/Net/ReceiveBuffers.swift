import GuestMemory

/// Receive buffers taken from the driver and not filled yet, in order.
///
/// They are kept from one frame to the next, so that each is looked at once however many a frame might have needed.
struct ReceiveBuffers {
  private struct Buffer {
    let head: UInt16
    /// Bytes in it.
    let count: Int
    /// How many of `slices` are its.
    let sliceCount: Int
  }

  private var buffers: [Buffer] = []
  private var slices: [GuestSlice] = []
  /// Bytes in all of them.
  private(set) var byteCount = 0

  var isEmpty: Bool { buffers.isEmpty }
  var sliceCount: Int { slices.count }

  mutating func removeAll() { self = ReceiveBuffers() }

  mutating func append(_ chain: borrowing DescriptorChain) {
    buffers.append(Buffer(head: chain.head, count: chain.writableCount, sliceCount: chain.writable.count))
    slices += chain.writable
    byteCount += chain.writableCount
  }

  /// Appends to `room` where the bytes from `start` on lie, up to `limit` of them.
  func room(from start: Int, limit: Int, into room: inout [GuestSlice]) {
    var skip = start
    var left = limit
    var index = 0
    while index < slices.count, left > 0 {
      if skip == 0 {
        // Those that are taken whole, nearly all, go together.
        let first = index
        while index < slices.count, slices[index].count <= left {
          left -= slices[index].count
          index += 1
        }
        room += slices[first..<index]
        if index == slices.count { return }
      }
      let slice = slices[index]
      index += 1
      let part = min(skip, slice.count)
      skip -= part
      let count = min(slice.count - part, left)
      guard count > 0, let piece = try? slice.slice(from: part, count: count) else { continue }
      room.append(piece)
      left -= count
    }
  }

  /// The buffers that `count` bytes fill, the last of them in part.
  func buffersNeeded(for count: Int) -> Int {
    var left = count
    var needed = 0
    while left > 0, needed < buffers.count {
      left -= buffers[needed].count
      needed += 1
    }
    return needed
  }

  /// Gives `body` the head of each buffer that `count` bytes fill, and how many of them are in it; they are gone here.
  mutating func removeFilled(
    _ count: Int, _ body: (_ head: UInt16, _ written: Int) throws(DriverViolation) -> Void
  ) throws(DriverViolation) {
    let needed = buffersNeeded(for: count)
    var left = count
    var gone = 0
    for buffer in buffers[..<needed] {
      let written = min(left, buffer.count)
      try body(buffer.head, written)
      left -= written
      gone += buffer.sliceCount
      byteCount -= buffer.count
    }
    buffers.removeFirst(needed)
    slices.removeFirst(gone)
  }
}
