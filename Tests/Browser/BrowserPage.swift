import Bench
import Foundation

/// A page of results as a browser shows it.
package struct BrowserPage: Decodable {
  /// Of the window, in pixels; by how much the page is wider; how many shapes lie beside their plot; a plot's width.
  package let window, overflow, outside, wide: Int
  /// The letters of plots, in pixels.
  package let smallest: Double
  package let paper, ink: String
  /// The values that dots say they stand for.
  package let dots: [String]

  /// What is asked of each page in the browser.
  private static func question(_ number: Int) -> String {
    """
    <script>
      const shapes = [...document.querySelectorAll("svg rect, svg circle, svg line, svg text")];
      const outside = shapes.filter(shape => {
        const [part, whole] = [shape.getBoundingClientRect(), shape.ownerSVGElement.getBoundingClientRect()];
        return part.left < whole.left - 4 || part.right > whole.right + 4;
      });
      const letters = [...document.querySelectorAll("svg text")].map(text => parseFloat(getComputedStyle(text).fontSize));
      parent.postMessage({number: \(number), answer: {
        window: innerWidth, overflow: document.documentElement.scrollWidth - innerWidth, outside: outside.length,
        dots: [...document.querySelectorAll(".dot")].map(dot => dot.dataset.value), smallest: Math.min(...letters),
        wide: Math.round(document.querySelector("svg").getBoundingClientRect().width),
        paper: getComputedStyle(document.body).backgroundColor, ink: getComputedStyle(document.querySelector("h1")).color
      }}, "*");
    </script>
    """
  }

  /// Shows pages in frames below one another, for windows are not made as narrow as telephones; the answers become the
  /// title.
  private static func frames(_ count: Int, _ width: Int) -> String {
    """
    <!DOCTYPE html><meta name="color-scheme" content="light dark"><title>none</title>
    <style>body { margin: 0 } iframe { display: block; border: 0; width: \(width)px; height: \(height)px }</style>
    <script>
      const answers = [];
      onmessage = event => { answers[event.data.number] = event.data.answer; document.title = JSON.stringify(answers) };
    </script>
    \((0..<count).map { "<iframe src=\"page\($0).html\"></iframe>" }.joined(separator: "\n"))
    """
  }

  private static let height = 900

  /// Shows pages, each in a window of so many pixels.
  /// - Returns: an answer of each, in order; and the picture of all, as PNG has it.
  package static func show(_ pages: [String], width: Int, isDark: Bool) throws -> (
    pages: [BrowserPage], picture: [UInt8]
  ) {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("browser-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    for (number, page) in pages.enumerated() {
      try (page + question(number)).write(
        toFile: path("page\(number).html"), atomically: true, encoding: .utf8)
    }
    try frames(pages.count, width).write(toFile: path("frames.html"), atomically: true, encoding: .utf8)
    let options = [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir=\(path("profile"))",
      "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)",
      "--window-size=\(width),\(height * pages.count)", "--dump-dom",
      "--virtual-time-budget=30000", "--screenshot=\(path("page.png"))", "file://\(path("frames.html"))",
    ]
    guard let chromium = Bench.Program.find("chromium") else { throw Failure("chromium is not installed") }
    let dump = try Job(name: "chromium", arguments: [chromium] + options).run(within: 300).output
    let title = dump.firstRange(of: "<title>")?.upperBound ?? dump.endIndex
    let answers = Data(dump[title...].prefix { $0 != "<" }.utf8)
    return (
      try JSONDecoder().decode([BrowserPage].self, from: answers),
      [UInt8](try Data(contentsOf: URL(fileURLWithPath: path("page.png"))))
    )
  }

  /// The width of a picture, which is in PNG's header.
  package static func width(_ picture: [UInt8]) -> Int {
    picture.count < 24 ? 0 : picture[16..<20].reduce(0) { $0 << 8 | Int($1) }
  }

  /// What is wrong with the page; empty where it is whole, and legible.
  package func faults(width: Int, isDark: Bool) -> [String] {
    let faults: [(String, Bool)] = [
      ("its window is \(window) wide", window != width), ("it is \(overflow) too wide", overflow > 0),
      ("\(outside) shapes are beside their plots", outside != 0),
      ("its plots are \(wide) wide", wide <= width * 2 / 3 || wide >= width),
      ("its letters are \(smallest) pixels", smallest < 12), ("its ink is its paper", ink == paper),
      ("its paper is \(paper)", paper != (isDark ? "rgb(20, 23, 27)" : "rgb(255, 255, 255)")),
    ]
    return faults.filter(\.1).map(\.0)
  }
}
