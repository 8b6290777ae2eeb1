import Configuration
import Foundation
import Testing

struct ExitStatusTableTests {
  /// The table of docs/EXIT-STATUS.md, row by row.
  private var documented: [[String]] {
    get throws {
      let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      let page = package.appendingPathComponent("docs/EXIT-STATUS.md")
      let text = try String(contentsOf: page, encoding: .utf8)
      return text.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst().map { row in
        row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      }
    }
  }

  @Test func theDocumentedTableIsTheOneInForce() throws {
    let ours = ExitStatus.ours.map { ["\($0.code)", $0.meaning] }
    #expect(try documented.filter { Int32($0[0]) != nil }.map { Array($0.prefix(2)) } == ours)
  }
}
