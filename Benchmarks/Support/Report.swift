/// Prints tables in Markdown and remembers whether every limit was met.
package struct Report {
  package private(set) var isMet = true

  package init() {}

  package mutating func heading(_ text: String) { print("\n### \(text)\n") }

  /// - Parameter columns: the first one is aligned to the left, all others to the right.
  package mutating func table(_ columns: [String], _ rows: [[String]]) {
    print("| " + columns.joined(separator: " | ") + " |")
    print("|---" + String(repeating: "|--:", count: columns.count - 1) + "|")
    for row in rows { print("| " + row.joined(separator: " | ") + " |") }
  }

  /// The two cells that say what a value may be at most, and whether it is.
  package mutating func verdict(_ value: Double, atMost limit: Double, _ text: String) -> [String] {
    verdict(value <= limit, "at most \(text)")
  }

  package mutating func verdict(_ value: Double, atLeast limit: Double, _ text: String) -> [String] {
    verdict(value >= limit, "at least \(text)")
  }

  private mutating func verdict(_ met: Bool, _ limit: String) -> [String] {
    if !met { isMet = false }
    return [limit, met ? "met" : "**not met**"]
  }
}
