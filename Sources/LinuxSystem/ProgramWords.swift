import Glibc

/// The words that a program is started with, as execve(2) takes them.
struct ProgramWords {
  /// The last one is nil.
  let pointers: [UnsafeMutablePointer<CChar>?]

  init(_ words: [String]) { pointers = words.map { strdup($0) } + [nil] }

  /// Gives their memory back: once, when the program has them.
  func free() { for pointer in pointers { Glibc.free(pointer) } }
}
