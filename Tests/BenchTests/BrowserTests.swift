import Bench
import Browser
import Testing

/// Pages of invented results as a browser shows them.
@Suite(.enabled(if: Program.find("chromium") != nil, "chromium is not installed"), .serialized)
struct BrowserTests {
  @Test(arguments: [1280, 400], [false, true])
  func isWholeInEveryWindow(width: Int, isDark: Bool) throws {
    let documents = [
      (try PageTests.boots(), ""), (PageTests.comparison(), "process"), (TableTests.pairs(), "C program"),
      (TableTests.crowd(), ""),
    ]
    let pages = documents.map { Page($0, base: $1).html }
    let (answers, picture) = try BrowserPage.show(pages, width: width, isDark: isDark)
    #expect(answers.count == documents.count)
    for (answer, (document, _)) in zip(answers, documents) {
      #expect(answer.faults(width: width, isDark: isDark) == [], "\(document.kind)")
      let shown = document.contestants.flatMap(\.series).filter {
        document.kind != .boot || $0.name.hasPrefix("until ")
      }
      #expect(answer.dots.sorted() == shown.flatMap { $0.values.map { "\(Int($0))" } }.sorted())
    }
    #expect(BrowserPage.width(picture) == width)
    // A blank picture has next to nothing in it.
    #expect(picture.count > 10_000 * documents.count)
  }
}
