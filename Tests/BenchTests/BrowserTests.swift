import Bench
import Foundation
import Testing

/// The page as a browser shows it.
@Suite(.enabled(if: Program.find("chromium") != nil, "chromium is not installed"), .serialized)
struct BrowserTests {
  /// What is asked of the page in the browser.
  private static let question = """
    <script>
      const shapes = [...document.querySelectorAll("svg rect, svg circle, svg line, svg text")];
      const outside = shapes.filter(shape => {
        const [part, whole] = [shape.getBoundingClientRect(), shape.ownerSVGElement.getBoundingClientRect()];
        return part.left < whole.left - 4 || part.right > whole.right + 4;
      });
      const letters = [...document.querySelectorAll("svg text")].map(text => parseFloat(getComputedStyle(text).fontSize));
      parent.postMessage(JSON.stringify({
        window: innerWidth, overflow: document.documentElement.scrollWidth - innerWidth, outside: outside.length,
        dots: [...document.querySelectorAll(".dot")].map(dot => dot.dataset.value), smallest: Math.min(...letters),
        wide: Math.round(document.querySelector("svg").getBoundingClientRect().width),
        paper: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.querySelector("h1")).color
      }), "*");
    </script>
    """

  /// Shows the page in a frame, for windows are not made as narrow as telephones; the answer becomes the title.
  private static func frame(_ width: Int) -> String {
    """
    <!DOCTYPE html><meta name="color-scheme" content="light dark"><title>none</title>
    <style>body { margin: 0 } iframe { border: 0; width: \(width)px; height: 900px }</style>
    <script>onmessage = event => document.title = event.data</script>
    <iframe src="page.html"></iframe>
    """
  }

  private struct Answer: Decodable {
    let window, overflow, outside, wide: Int
    let smallest: Double
    let paper, ink: String
    let dots: [String]
  }

  @Test(arguments: [(1280, 1, "rgb(255, 255, 255)"), (400, 0, "rgb(20, 23, 27)")])
  func isWholeInEveryWindow(width: Int, scheme: Int, paper: String) throws {
    let documents = [
      (try PageTests.boots(), ""), (PageTests.comparison(), "process"), (TableTests.pairs(), "C program"),
      (TableTests.crowd(), ""),
    ]
    for (document, base) in documents {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("page-\(UUID())")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
      let page = Page(document, base: base).html + Self.question
      try page.write(toFile: path("page.html"), atomically: true, encoding: .utf8)
      try Self.frame(width).write(toFile: path("frame.html"), atomically: true, encoding: .utf8)
      let options = [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(path("profile"))",
        "--blink-settings=preferredColorScheme=\(scheme)", "--window-size=\(width),900", "--dump-dom",
        "--screenshot=\(path("page.png"))", "file://\(path("frame.html"))",
      ]
      let chromium = try #require(Program.find("chromium"))
      let dump = try Job(name: "chromium", arguments: [chromium] + options).run(within: 300).output
      let title = try #require(dump.firstRange(of: "<title>")?.upperBound)
      let answer = try JSONDecoder().decode(
        Answer.self, from: Data(dump[title...].prefix { $0 != "<" }.utf8))
      #expect(answer.window == width && answer.overflow <= 0 && answer.outside == 0)
      #expect(answer.wide > width * 2 / 3 && answer.wide < width)
      #expect(answer.smallest >= 12)
      #expect(answer.paper == paper && answer.ink != paper)
      let ran = document.contestants.filter { !$0.series.isEmpty }
      let shown = ran.flatMap(\.series).filter {
        document.kind != .boot || $0.name.hasPrefix("until ")
      }
      #expect(answer.dots.sorted() == shown.flatMap { $0.values.map { "\(Int($0))" } }.sorted())
      // PNG's header has the width, most significant byte first; a blank picture has next to nothing after it.
      let picture = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path("page.png"))))
      #expect(picture[16..<20].reduce(0) { $0 << 8 | Int($1) } == width)
      #expect(picture.count > 10_000)
    }
  }
}
