/// The text a kernel is started with: words separated by spaces.
public struct KernelCommandLine: Equatable, Sendable {
  /// COMMAND_LINE_SIZE of x86 kernels, less the terminating zero. In bytes.
  public static let limit = 2047

  /// What the kernel reads itself.
  private var words: String
  /// From `--` on: arguments of the first process, which the kernel hands over unread.
  private let arguments: String

  public init(_ text: String = "") {
    // Byte by byte, as the kernel reads it: to a String, a space with an accent behind it is no space.
    let bytes = text.utf8
    var wordStart = bytes.startIndex
    var wordsEnd = bytes.startIndex
    var place = bytes.startIndex
    var inQuotes = false
    while true {
      let isAtEnd = place == bytes.endIndex
      if isAtEnd || bytes[place] == UInt8(ascii: " ") && !inQuotes {
        if bytes[wordStart..<place].elementsEqual("--".utf8) { break }
        if place > wordStart { wordsEnd = place }
        wordStart = isAtEnd ? place : bytes.index(after: place)
        if isAtEnd { break }
      } else if bytes[place] == UInt8(ascii: "\"") {
        inQuotes.toggle()
      }
      place = bytes.index(after: place)
    }
    words = String(text[..<wordsEnd])
    arguments = String(text[wordStart...])
  }

  public var text: String {
    words.isEmpty || arguments.isEmpty ? words + arguments : words + " " + arguments
  }

  /// Adds words at the end of what the kernel reads; nothing when there are none.
  public mutating func append(_ more: String) {
    guard !more.isEmpty else { return }
    words = words.isEmpty ? more : words + " " + more
  }

  /// Names each device, for kernels that read no description of them (virtio_mmio module parameter).
  mutating func append(_ windows: [VirtioWindow]) {
    for window in windows {
      append("virtio_mmio.device=4K@0x\(String(window.address, radix: 16)):\(window.interrupt)")
    }
  }

  /// The bytes to put into memory, zero-terminated.
  /// - Throws: `commandLine` when the text is too long or has a character that would end it early.
  func encoded() throws(BootError) -> [UInt8] {
    let bytes = Array(text.utf8)
    guard bytes.count <= KernelCommandLine.limit else {
      throw .commandLine(
        "is \(bytes.count) bytes long with what Swiftlet adds; kernels take \(KernelCommandLine.limit): shorten it"
      )
    }
    guard bytes.allSatisfy({ $0 != 0 && $0 != 0x0a }) else {
      throw .commandLine("contains a zero byte or a line break: write it as one line")
    }
    return bytes + [0]
  }
}
