package import Configuration

/// A contestant that a person names.
package struct NamedPeer: Sendable, Equatable {
  package let name: String
  package let words: [String]

  /// "name=command line", in words as a shell makes them of spaces, quotation marks and backslashes; nothing is expanded.
  /// - Throws: a `Diagnostic` with status `usage`.
  package init(_ text: String) throws(Diagnostic) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty else {
      throw Diagnostic(.usage, "bad peer", which: text, mend: "use 'name=command line'")
    }
    name = String(parts[0])
    guard let words = NamedPeer.words(parts[1]) else {
      throw Diagnostic(.usage, "a quotation mark without its end", which: text, mend: "close it")
    }
    guard !words.isEmpty else {
      throw Diagnostic(.usage, "a peer without a command", which: text, mend: "use 'name=command line'")
    }
    self.words = words
  }

  /// - Returns: nil where a quotation mark, or what follows a backslash, is missing.
  static func words(_ text: Substring) -> [String]? {
    var (words, word): ([String], String?) = ([], nil)
    var quote: Character?
    var rest = text[...]
    while let next = rest.popFirst() {
      if next == "\\", quote != "'" {
        guard let escaped = rest.popFirst() else { return nil }
        word = (word ?? "") + String(escaped)
      } else if let open = quote {
        if next == open { quote = nil } else { word = (word ?? "") + String(next) }
      } else if next == "'" || next == "\"" {
        quote = next
        word = word ?? ""
      } else if next.isWhitespace {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(next)
      }
    }
    guard quote == nil else { return nil }
    return words + (word.map { [$0] } ?? [])
  }

  /// The words with what stands for files, as "{kernel}", replaced.
  package func command(_ files: [String: String]) -> [String] {
    words.map { word in
      files.reduce(word) { word, file in word.replacing("{\(file.key)}", with: file.value) }
    }
  }
}
