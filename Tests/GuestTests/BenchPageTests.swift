import Browser
import Foundation
import Testing

/// Pages of what was really measured, as a browser shows them.
@Suite(
  .enabled(if: hasKVM, "/dev/kvm is not usable here"),
  .enabled(
    if: FileManager.default.isExecutableFile(atPath: "/usr/bin/chromium"), "chromium is not installed"),
  .serialized)
struct BenchPageTests {
  private static func commands() throws -> [[String]] {
    let guests = try Built.folder("guest-kernels/bare/build")
    return [
      ["boot", "-n", "2", "--kernel", try BareGuest.path("hello")],
      [
        "compare", "-n", "2", "--only", "process", "--only", "swiftlet boot, bare guest", "--peer",
        "broken=sh -c 'echo a very long last line of words and <b>signs</b> that nobody closes; exit 9'",
        "--only", "broken", "--kernel", try BareGuest.path("hello"),
      ], ["exits", "-n", "1", "--count", "10", "--guests", guests], ["density", "-n", "2", "--memory", "32"],
      ["start-rate", "--duration", "1", "--parallel", "1"],
      ["io", "-n", "1", "--turn", "1", "--count", "3", "--guests", guests],
    ]
  }

  @Test func pagesAreWholeInEveryWindowAndHoldTheNumbersOfTheJSON() throws {
    let folder = try BenchFolder()
    var (pages, values): ([String], [[String]]) = ([], [])
    for command in try Self.commands() {
      let result = try Program().run(
        ["bench"] + command + ["--json", folder.path("r.json"), "--html", folder.path("r.html")],
        limit: patience)
      try #require(result.status == 0, "\(command[0]): \(result.error)")
      let document = try folder.document("r.json")
      let shown = document.contestants.flatMap(\.series).filter { series in
        switch document.kind {
        case "boot": series.name.hasPrefix("until ")
        case "compare": series.name == "wall"
        default: true
        }
      }
      values.append(shown.flatMap { $0.values.map { String(Int($0.rounded())) } }.sorted())
      pages.append(try String(contentsOfFile: folder.path("r.html"), encoding: .utf8))
    }
    for (width, isDark) in [(1280, false), (1280, true), (400, false), (400, true)] {
      let (answers, picture) = try BrowserPage.show(pages, width: width, isDark: isDark)
      #expect(answers.map { $0.faults(width: width, isDark: isDark) } == pages.map { _ in [] })
      #expect(answers.map { $0.dots.sorted() } == values)
      #expect(BrowserPage.width(picture) == width && picture.count > 10_000 * pages.count)
    }
  }
}
