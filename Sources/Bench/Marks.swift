/// A boot timer mark of a guest, or another step of its timeline.
package struct Mark {
  package let seconds: Double
  /// Of the guest, interpreted by KVM so far; nil where none are, or where nobody counts.
  package let instructions: Int?
}

extension Mark {
  /// From a timeline's line, "MILLISECONDS ms +MILLISECONDS [INSTRUCTIONS]" and a name that begins at `place`.
  fileprivate init?(_ words: [Substring], before place: Int) {
    guard let milliseconds = Double(words[0]) else { return nil }
    self.init(seconds: milliseconds / 1e3, instructions: Int(words[place - 1]))
  }
}

extension Job.Run {
  /// Each mark by its number, from the lines on standard error "mark NUMBER NANOSECONDS" of the C program, or
  /// "MILLISECONDS ms +MILLISECONDS [INSTRUCTIONS] mark NUMBER" of Swiftlet's timeline.
  package var marks: [Int: Mark] {
    var marks: [Int: Mark] = [:]
    for line in error.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard let place = words.firstIndex(of: "mark"), words.count > place + 1,
        let number = Int(words[place + 1])
      else { continue }
      if place == 0, let nanoseconds = words.last.flatMap({ Double($0) }) {
        marks[number] = Mark(seconds: nanoseconds / 1e9, instructions: nil)
      } else if let mark = Mark(words, before: place) {
        marks[number] = mark
      }
    }
    return marks
  }

  /// A step of Swiftlet's timeline by its name; nil where it was not reached.
  package func step(_ name: String) -> Mark? {
    let name = name.split(separator: " ")
    for line in error.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count > name.count, words.suffix(name.count) == name[...] {
        return Mark(words, before: words.count - name.count)
      }
    }
    return nil
  }
}
