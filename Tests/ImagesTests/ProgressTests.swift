import Foundation
import LinuxSystem
import Testing

@testable import Images

/// What a person is told while an image is made.
struct ProgressTests {
  private final class Lines: Sendable {
    private let lines = Lock<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }

    /// Waits until a line is told; a minute at most.
    func wait(for line: String) throws {
      for _ in 0..<60_000 where all.last != line { usleep(1000) }
      try #require(all.last == line)
    }
  }

  @Test func workIsToldUntilItEnds() throws {
    let lines = Lines()
    let progress = Progress(after: 0) { lines.add($0) }
    for _ in 0..<2 {
      progress.begin("fetching")
      try lines.wait(for: "fetching")
      progress.begin("unpacking")
      progress.advance(4_000_000)
      progress.advance(1_999_999)
      try lines.wait(for: "unpacking, 5 MB")
      progress.end()
      #expect(lines.all.last == "")
    }
    let count = lines.all.count
    progress.advance(1)
    progress.end()
    #expect(lines.all.count == count)
  }

  @Test func whatIsQuickIsNotTold() {
    let lines = Lines()
    let progress = Progress(after: 1 << 40) { lines.add($0) }
    progress.begin("unpacking")
    progress.advance(1 << 40)
    progress.end()
    #expect(lines.all == [])
  }
}
