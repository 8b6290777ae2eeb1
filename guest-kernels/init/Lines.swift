import LinuxCalls

/// A line of a /proc file, taken apart in place.
struct Line {
  private var cursor: UnsafeMutablePointer<UInt8>

  fileprivate init(_ start: UnsafeMutablePointer<UInt8>) { cursor = start }

  /// The next word, ended with a zero byte; empty at the end of the line.
  mutating func nextWord() -> UnsafeMutablePointer<UInt8> {
    let space: UInt8 = 0x20
    while cursor.pointee == space { cursor += 1 }
    let word = cursor
    while cursor.pointee != 0, cursor.pointee != space { cursor += 1 }
    if cursor.pointee == space {
      cursor.pointee = 0
      cursor += 1
    }
    return word
  }

  /// What stands before the next colon, ended with a zero byte; empty at the end of the line.
  mutating func nextField() -> UnsafeMutablePointer<UInt8> {
    let colon: UInt8 = 0x3a
    let field = cursor
    while cursor.pointee != 0, cursor.pointee != colon { cursor += 1 }
    if cursor.pointee == colon {
      cursor.pointee = 0
      cursor += 1
    }
    return field
  }

  /// The next word as a decimal number; 0 when it is none.
  mutating func nextNumber() -> Int {
    var digit = nextWord()
    var number = 0
    while digit.pointee &- 0x30 < 10 {
      number = number &* 10 &+ Int(digit.pointee - 0x30)
      digit += 1
    }
    return number
  }
}

/// Calls `body` with each line of a file, without those of 64 KiB and more; with none when it cannot be read.
func forEachLine(of path: StaticString, _ body: (inout Line) -> Void) {
  let file = Int32(truncatingIfNeeded: openFile(path, O_RDONLY | O_CLOEXEC))
  guard file >= 0 else { return }
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 65536) { buffer in
    guard let start = buffer.baseAddress else { return }
    var lines = FileLines(file, start, room: buffer.count - 1)
    while lines.fill() { lines.take(body) }
  }
  _ = sys_close(file)
}

/// The lines of a file, piece by piece.
private struct FileLines {
  private let file: Int32
  private let start: UnsafeMutablePointer<UInt8>
  private let room: Int
  /// Bytes at the start that are the beginning of a line.
  private var count = 0
  private var isAtEnd = false
  /// Whether what is there continues a line that is too long.
  private var isTooLong = false

  init(_ file: Int32, _ start: UnsafeMutablePointer<UInt8>, room: Int) {
    self.file = file
    self.start = start
    self.room = room
  }

  /// Reads on; false where everything was read before.
  mutating func fill() -> Bool {
    guard !isAtEnd else { return false }
    while count < room {
      let result = sys_read(file, start + count, room - count)
      if result > 0 { count += result }
      // /proc hands out up to a page of whole lines at a time: a piece far shorter than that is the last one, which
      // saves the call that would only say so. So is a short piece of a file, unless there was no room for more.
      isAtEnd = result <= 0 || result < 1024 && count < room
      if isAtEnd { break }
    }
    return true
  }

  /// Hands out the lines that are there in whole, and keeps the beginning of the next one.
  mutating func take(_ body: (inout Line) -> Void) {
    let end = start + count
    var line = start
    while line < end {
      var lineEnd = line
      while lineEnd < end, lineEnd.pointee != 0x0a { lineEnd += 1 }
      guard lineEnd < end || isAtEnd else { break }
      lineEnd.pointee = 0
      var words = Line(line)
      if !isTooLong { body(&words) }
      isTooLong = false
      line = lineEnd + 1
    }
    count = max(end - line, 0)
    if count == room {
      isTooLong = true
      count = 0
    }
    for index in 0..<count { start[index] = line[index] }
  }
}
