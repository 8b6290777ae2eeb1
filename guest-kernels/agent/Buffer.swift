import LinuxCalls

/// Bytes on their way, in memory of a fixed size.
struct Buffer {
  private let start: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  private var first = 0
  private var end = 0

  init(_ start: UnsafeMutablePointer<UInt8>, capacity: Int) {
    self.start = start
    self.capacity = capacity
  }

  var count: Int { end - first }
  var isEmpty: Bool { first == end }
  /// How many can be appended.
  var room: Int { capacity - count }
  /// The first of ``count``.
  var bytes: UnsafeMutablePointer<UInt8> { start + first }

  mutating func removeAll() { (first, end) = (0, 0) }

  mutating func drop(_ count: Int) {
    first += count
    if first == end { removeAll() }
  }

  /// Appends bytes, at most ``room``.
  mutating func append(_ bytes: UnsafePointer<UInt8>, count: Int) {
    makeRoom(count)
    (start + end).update(from: bytes, count: count)
    end += count
  }

  mutating func append(_ frame: SmallFrame) {
    makeRoom(frame.count)
    for index in 0..<frame.count { start[end + index] = frame.bytes[index] }
    end += frame.count
  }

  /// Appends what can be read at once, behind `gap` bytes for the caller to fill.
  /// - Returns: what read(2) returned; with nothing read there is no gap.
  mutating func read(from file: Int32, atMost limit: Int, after gap: Int = 0) -> Int {
    makeRoom(limit + gap)
    let result = sys_read(file, start + end + gap, limit)
    if result > 0 { end += gap + result }
    return result
  }

  /// Writes what is taken at once.
  /// - Returns: what write(2) returned.
  mutating func write(to file: Int32) -> Int {
    let result = sys_write(file, start + first, count)
    if result > 0 { drop(result) }
    return result
  }

  /// Puts a number's four bytes `distance` before the end.
  mutating func put(_ word: UInt32, before distance: Int) {
    for index in 0..<4 { start[end - distance + index] = UInt8(truncatingIfNeeded: word >> (8 * UInt32(index))) }
  }

  private mutating func makeRoom(_ count: Int) {
    guard end + count > capacity else { return }
    let kept = self.count
    start.update(from: start + first, count: kept)
    (first, end) = (0, kept)
  }
}
