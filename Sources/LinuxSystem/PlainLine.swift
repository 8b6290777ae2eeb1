import Glibc

/// A line for standard error that is put together without allocating memory: in the handler of a fault (signal-safety(7)).
public struct PlainLine: ~Copyable {
  private var bytes = InlineArray<320, UInt8>(repeating: 0)
  private var count = 0

  public init() {}

  private mutating func append(_ byte: UInt8) {
    if count < bytes.count - 1 {
      bytes[count] = byte
      count += 1
    }
  }

  public mutating func append(_ text: StaticString) {
    var next = 0
    while next < text.utf8CodeUnitCount {
      append(text.utf8Start[next])
      next += 1
    }
  }

  /// Appends line `number`, from 0, of `text`.
  /// - Returns: false where there is none, or nothing in it.
  public mutating func append(line number: Int, of text: StaticString) -> Bool {
    var (line, next) = (0, 0)
    let before = count
    while next < text.utf8CodeUnitCount, line <= number {
      let byte = text.utf8Start[next]
      if byte == UInt8(ascii: "\n") { line += 1 } else if line == number { append(byte) }
      next += 1
    }
    return count > before
  }

  public mutating func append(_ number: UInt32) {
    var divisor: UInt32 = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }

  /// Writes the line and ends the process at once, without what exit(3) does.
  public consuming func writeAndEnd(_ status: Int32) -> Never {
    bytes[count] = UInt8(ascii: "\n")
    let length = count + 1
    bytes.span.withUnsafeBytes { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, length) }
    _exit(status)
  }
}
