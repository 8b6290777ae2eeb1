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

/// Calls `body` with each line of a file, up to 64 KiB of it; with none when it cannot be read.
func forEachLine(of path: StaticString, _ body: (inout Line) -> Void) {
  let file = Int32(truncatingIfNeeded: openFile(path, O_RDONLY | O_CLOEXEC))
  guard file >= 0 else { return }
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 65536) { buffer in
    guard let start = buffer.baseAddress else { return }
    let end = start + readAll(file, into: start, limit: buffer.count - 1)
    _ = sys_close(file)
    var line = start
    while line < end {
      var lineEnd = line
      while lineEnd < end, lineEnd.pointee != 0x0a { lineEnd += 1 }
      lineEnd.pointee = 0
      var words = Line(line)
      body(&words)
      line = lineEnd + 1
    }
  }
}

/// /proc hands out up to a page of whole lines at a time: a piece far shorter than that is the last one,
/// which saves the call that would only say so.
private func readAll(_ file: Int32, into start: UnsafeMutablePointer<UInt8>, limit: Int) -> Int {
  var count = 0
  while count < limit {
    let result = sys_read(file, start + count, limit - count)
    if result > 0 { count += result }
    if result < 1024 { break }
  }
  return count
}
