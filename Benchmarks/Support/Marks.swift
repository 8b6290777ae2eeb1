extension Job.Run {
  /// Seconds of each boot timer mark, from the lines on standard error "mark NUMBER NANOSECONDS" of the C program, or
  /// "MILLISECONDS ms +MILLISECONDS mark NUMBER" of Swiftlet's timeline.
  package var marks: [Int: Double] {
    var marks: [Int: Double] = [:]
    for line in error.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard let place = words.firstIndex(of: "mark"), words.count > place + 1,
        let number = Int(words[place + 1])
      else { continue }
      if place == 0, let nanoseconds = words.last.flatMap({ Double($0) }) {
        marks[number] = nanoseconds / 1e9
      } else if let milliseconds = Double(words[0]) {
        marks[number] = milliseconds / 1e3
      }
    }
    return marks
  }
}
