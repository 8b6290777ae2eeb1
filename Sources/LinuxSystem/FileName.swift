/// The name of one entry of a directory: never a path, and never the directory itself or the one above it.
///
/// Bytes, because Linux gives names no encoding.
public struct FileName: Hashable, Sendable {
  /// Bytes of the longest name (NAME_MAX).
  public static let limit = 255

  /// The name and the zero byte that ends it for C.
  let terminated: [UInt8]

  /// Without the zero byte.
  public var bytes: ArraySlice<UInt8> { terminated.dropLast() }

  /// Nil for what is empty, longer than ``limit``, `.` or `..`, or has a slash or a zero byte in it.
  public init?(_ bytes: some Collection<UInt8>) {
    guard (1...Self.limit).contains(bytes.count), !bytes.contains(0), !bytes.contains(UInt8(ascii: "/"))
    else { return nil }
    let dot = UInt8(ascii: ".")
    guard !bytes.elementsEqual([dot]), !bytes.elementsEqual([dot, dot]) else { return nil }
    self.init(unchecked: bytes)
  }

  init(unchecked bytes: some Collection<UInt8>) { terminated = Array(bytes) + [0] }

  func withCString<Result, Failure: Error>(
    _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try terminated.withUnsafeBufferPointer { bytes throws(Failure) in
      // A terminated name is never empty, so there is an address.
      guard let start = bytes.baseAddress else { fatalError("a name without its zero byte") }
      return try body(UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self))
    }
  }
}

extension FileName: CustomStringConvertible {
  public var description: String { String(decoding: bytes, as: UTF8.self) }
}
