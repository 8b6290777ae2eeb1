import LinuxCalls

typealias CText = UnsafePointer<UInt8>

/// A null-terminated array of strings, as exec takes them.
typealias CTextArray = UnsafeMutablePointer<CText?>

/// A message gathered in a buffer and written in one call: each system call costs more than the text.
struct Text {
  private let buffer: UnsafeMutableRawBufferPointer
  private var count = 0

  /// Gathers what `body` appends, up to 4 KiB, and writes it to standard output.
  static func print(_ body: (inout Text) -> Void) {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { buffer in
      var text = Text(buffer: buffer)
      body(&text)
      var written = 0
      while written < text.count {
        let result = sys_write(1, buffer.baseAddress?.advanced(by: written), text.count - written)
        if result <= 0 { return }
        written += result
      }
    }
  }

  private init(buffer: UnsafeMutableRawBufferPointer) { self.buffer = buffer }

  mutating func add(byte: UInt8) {
    guard count < buffer.count else { return }
    buffer[count] = byte
    count += 1
  }

  mutating func add(_ text: StaticString) {
    for index in 0..<text.utf8CodeUnitCount { add(byte: text.utf8Start[index]) }
  }

  mutating func add(_ text: CText) {
    var cursor = text
    while cursor.pointee != 0 {
      add(byte: cursor.pointee)
      cursor += 1
    }
  }

  mutating func add(_ number: Int) {
    var divisor = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      add(byte: 0x30 + UInt8(number / divisor % 10))
      divisor /= 10
    }
  }

  /// A size given in KiB, in MiB when it is a whole number of them.
  mutating func add(kibibytes: Int) {
    let wholeMiB = kibibytes % 1024 == 0
    add(wholeMiB ? kibibytes / 1024 : kibibytes)
    add(wholeMiB ? " MiB" : " KiB")
  }

  /// What a system call's negative result means.
  mutating func add(failure: Int) {
    switch Int32(truncatingIfNeeded: -failure) {
    case EPERM: add("not permitted")
    case ENOENT: add("no such file or directory")
    case ENOEXEC: add("not a program this kernel can run")
    case ENOMEM: add("out of memory")
    case EACCES: add("permission denied")
    case ENODEV: add("not known to this kernel")
    case ENOTDIR: add("not a directory")
    case EROFS: add("read-only file system")
    case ELOOP: add("too many symbolic links")
    default:
      add("error ")
      add(-failure)
    }
  }
}

/// Whether `text` begins with `prefix`.
func hasPrefix(_ text: CText, _ prefix: StaticString) -> Bool {
  for index in 0..<prefix.utf8CodeUnitCount where text[index] != prefix.utf8Start[index] { return false }
  return true
}

/// The number of bytes before the zero byte.
func length(_ text: CText) -> Int {
  var cursor = text
  while cursor.pointee != 0 { cursor += 1 }
  return cursor - text
}

/// Whether `byte` occurs in `text`.
func contains(_ text: CText, _ byte: UInt8) -> Bool {
  var cursor = text
  while cursor.pointee != 0 {
    if cursor.pointee == byte { return true }
    cursor += 1
  }
  return false
}

extension StaticString {
  /// For system calls: static strings end with a zero byte.
  var path: CText { utf8Start }
}

func openFile(_ path: StaticString, _ flags: Int32) -> Int { sys_open(path.path, flags) }
