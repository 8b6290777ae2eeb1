/// The number with so many digits behind the point.
package func fixed(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite, value.magnitude < 1e15 else { return "-" }
  var scale = 1
  for _ in 0..<digits { scale *= 10 }
  let scaled = Int((value.magnitude * Double(scale)).rounded())
  let sign = value < 0 && scaled > 0 ? "-" : ""
  guard digits > 0 else { return "\(sign)\(scaled)" }
  let fraction = String(scaled % scale)
  return "\(sign)\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
}

/// A ratio, with as many digits as say something.
func ratioText(_ value: Double) -> String { fixed(value, value < 100 ? 2 : 0) }

/// Rows of words under headings, in columns.
package struct TextTable {
  private let headings: [String]
  private var rows: [[String]] = []

  /// - Parameter headings: the first column, and the last where its heading is empty, is aligned to the left, all others
  ///   to the right.
  package init(_ headings: [String]) { self.headings = headings }

  package mutating func add(_ row: [String]) { rows.append(row) }

  package var text: String {
    let all = [headings] + rows
    let widths = headings.indices.map { column in
      all.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return all.map { row in
      var line = ""
      for (column, width) in widths.enumerated() where column < row.count {
        let padding = String(repeating: " ", count: width - row[column].count)
        let isLeft = column == 0 || headings[column].isEmpty
        line += (column == 0 ? "" : "  ") + (isLeft ? row[column] + padding : padding + row[column])
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}
