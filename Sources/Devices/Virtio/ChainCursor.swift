import GuestMemory

/// Goes through the readable or the writable buffers of a chain from front to back as if they were one, however the
/// driver has cut them (virtio 1.2, 2.7.4: a device makes no assumption of that).
struct ChainCursor {
  private let buffers: [GuestSlice]
  private var index = 0
  private var offset = 0
  /// Bytes not passed yet.
  private(set) var remaining: Int

  init(readable chain: borrowing DescriptorChain) {
    buffers = chain.readable
    remaining = chain.readableCount
  }

  init(writable chain: borrowing DescriptorChain) {
    buffers = chain.writable
    remaining = chain.writableCount
  }

  /// Passes the next piece that lies in one buffer, at most `count` bytes; nil when nothing is left or wanted.
  private mutating func next(_ count: Int) -> GuestSlice? {
    let count = min(count, remaining)
    guard count > 0, index < buffers.count else { return nil }
    let buffer = buffers[index]
    let part = min(buffer.count - offset, count)
    let piece = try? buffer.slice(from: offset, count: part)
    remaining -= part
    offset += part
    if offset == buffer.count {
      index += 1
      offset = 0
    }
    return piece
  }

  /// Passes `count` bytes, fewer at the end.
  mutating func skip(_ count: Int) {
    var left = count
    while let piece = next(left) { left -= piece.count }
  }

  /// Passes `count` bytes, fewer at the end, and appends where they lie to `slices`.
  mutating func take(_ count: Int, into slices: inout [GuestSlice]) {
    var left = count
    while let piece = next(left) {
      slices.append(piece)
      left -= piece.count
    }
  }

  /// The next `count` bytes, fewer at the end.
  mutating func read(_ count: Int, from memory: GuestMemory) -> [UInt8] {
    var bytes: [UInt8] = []
    while let piece = next(count - bytes.count) { bytes += memory.bytes(piece) }
    return bytes
  }

  /// Fills the front of `bytes` with the next bytes and returns their number; allocates nothing.
  mutating func read(into bytes: inout MutableSpan<UInt8>, from memory: GuestMemory) -> Int {
    var done = 0
    while let piece = next(bytes.count - done) {
      // The piece is no longer than what is left, so the copy cannot be refused.
      try? memory.copyOut(piece, into: &bytes, at: done)
      done += piece.count
    }
    return done
  }

  /// Writes as many of `bytes` as there is room for; allocates nothing.
  mutating func write(_ bytes: Span<UInt8>, to memory: GuestMemory) {
    var done = 0
    while let piece = next(bytes.count - done) {
      try? memory.copyIn(bytes.extracting(done..<(done + piece.count)), to: piece)
      done += piece.count
    }
  }

  /// Writes as many of `bytes`, from index `start` on, as there is room for and returns their number.
  mutating func write(_ bytes: [UInt8], from start: Int = 0, to memory: GuestMemory) -> Int {
    var done = 0
    while let piece = next(bytes.count - start - done) {
      let part = bytes.span.extracting(start + done..<start + done + piece.count)
      // The piece is RAM and as long as the part, so the copy cannot be refused.
      try? memory.copyIn(part, to: piece)
      done += piece.count
    }
    return done
  }
}
