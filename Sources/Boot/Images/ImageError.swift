/// Why a file is not a kernel that can be booted. Descriptions read on after the file's name and a colon.
public enum ImageError: Error, Equatable, Sendable, CustomStringConvertible {
  case empty
  /// The file cannot be read; the reason in words.
  case unreadable(String)
  /// The file ends at `size` bytes; `part` needs it to reach `end`.
  case truncated(part: String, end: UInt64, size: UInt64)
  /// Neither an ELF nor a bzImage; what it looks like, where that is known.
  case notAKernel(looksLike: String?)
  /// Made for another kind of machine than x86_64.
  case wrongMachine(String)
  /// The format is right but this variant of it cannot be booted; what to do about it.
  case unsupported(String)
  /// A field has a value that contradicts the format.
  case corrupt(String)

  public var description: String {
    switch self {
    case .empty: "is empty; give a vmlinux or bzImage"
    case .unreadable(let reason): "cannot be read: \(reason)"
    case .truncated(let part, let end, let size):
      "is truncated: its \(part) ends at byte \(end) but the file has \(size); copy or build it again"
    case .notAKernel(let kind?): "is \(kind), not a kernel; give a vmlinux or bzImage"
    case .notAKernel(nil): "is not a kernel; give a vmlinux or bzImage"
    case .wrongMachine(let machine): "is for \(machine); this host runs x86_64 kernels"
    case .unsupported(let reason): reason
    case .corrupt(let field): "is corrupt: \(field); copy or build it again"
    }
  }
}
