import Platform

/// Memory from the end of the guest's image upward, zeroed when handed out unless told otherwise. Given back all at once.
enum Arena {
  nonisolated(unsafe) private static var next = image_end_address()

  /// `size` bytes at a multiple of `alignment` (a power of two).
  /// - Parameter cleared: whether they are zero; an interpreted guest needs microseconds for each that is cleared.
  static func take(_ size: UInt64, alignment: UInt64 = 16, cleared: Bool = true) -> UInt64 {
    let start = (next &+ alignment &- 1) & ~(alignment &- 1)
    next = start &+ size
    if cleared { fill(start, size, with: 0) }
    return start
  }

  /// Gives back all that `body` takes.
  static func scope<Result>(_ body: () -> Result) -> Result {
    let mark = next
    defer { next = mark }
    return body()
  }

  static func fill(_ start: UInt64, _ size: UInt64, with byte: UInt8) {
    if let pointer = UnsafeMutableRawPointer(bitPattern: UInt(start)) {
      pointer.initializeMemory(as: UInt8.self, repeating: byte, count: Int(size))
    }
  }
}
