import Foundation
import Testing

/// What a guest was told to be safe is on the disk, however the monitor ends, and nothing else is left of it.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct DurabilityTests {
  /// How the disk is attached: each way at either end of what there is, all of them where there is time.
  static let ways =
    runsLongTests
    ? ["", ",direct", ",engine=io_uring", ",direct,engine=io_uring"] : ["", ",direct,engine=io_uring"]

  @Test(arguments: ways) func losesNothingWhenKilledDuringWrites(way: String) throws {
    let place = try PrivateFolder()
    let disk = try NumberedDisk(in: place)
    var all = 0
    for generation in 1...50 {
      let moment = Int.random(in: 1...150)
      let run = try killedRun(
        moment: moment, disk: disk, way: way, generation: generation, in: place)
      #expect(run.output.contains("FAIL") == false)
      #expect(run.error == "", "the machine of round \(generation) has something to say")
      let safe = run.output.split(separator: "\n").filter { $0.hasPrefix("safe ") }.count
      // Killed before it had written all; the first piece of output may be less than a line.
      try #require(safe < NumberedDisk.blockCount)
      all += safe
      let lost = try disk.blocksMissing(of: safe, generation: generation)
      #expect(lost == [], "of \(safe) blocks of round \(generation), killed at word \(moment)")
      #expect(try place.contents() == [disk.name], "left behind by round \(generation)")
    }
    #expect(all > 0, "each was killed before it had written anything")
  }

  /// One run on `disk`, killed some time after its `moment`th piece of output. The next one uses the same disk at
  /// once: it starts only if the lock is gone.
  private func killedRun(
    moment: Int, disk: NumberedDisk, way: String, generation: Int, in place: PrivateFolder
  ) throws -> Program.Result {
    var pieces = 0
    var killed: pid_t?
    let folders = ["HOME", "TMPDIR", "XDG_CACHE_HOME"].map { ($0, place.path) }
    let result = try Program(environment: Dictionary(uniqueKeysWithValues: folders)).run(
      [
        "boot", "--kernel", BareGuest.path("durable"), "--disk", disk.path + way, "--append",
        "generation=\(generation)",
      ], limit: 120
    ) { process in
      pieces += 1
      guard pieces >= moment, killed == nil else { return }
      usleep(.random(in: 0...2000))
      kill(process, SIGKILL)
      killed = process
    }
    let process = try #require(killed, "the machine ended by itself: \(result.error)")
    #expect(kill(process, 0) != 0, "the monitor is still there")
    return result
  }
}

/// What the guest was told to be safe was brought to stable storage before: which system calls the monitor makes.
@Suite(
  .enabled(if: hasKVM, "/dev/kvm is not usable here"),
  .enabled(if: Trace.isPossible, "strace is missing, or may not trace here"), .serialized)
struct FlushTests {
  private static let blocks = 64

  @Test func everyFlushIsAnsweredAfterItIsDone() throws {
    let trace = try Trace.run(blocks: Self.blocks, "--trace=fdatasync,write,writev")
    #expect(trace.result.error == "")
    #expect(trace.result.status == 0)
    let flushes = trace.flushesBeforeSafe
    #expect(flushes.count == Self.blocks)
    let early = flushes.indices.filter { flushes[$0] <= $0 }
    #expect(early == [], "said to be safe before the flush had returned")
    let safe = trace.result.output.split(separator: "\n").filter { $0.hasPrefix("safe ") }
    #expect(safe == (0..<Self.blocks).map { "safe \($0)" })
  }

  @Test func aFlushThatFailsIsToldAndNoneSucceedsAfterIt() throws {
    let trace = try Trace.run(
      blocks: Self.blocks, isConfined: false, "--trace=fdatasync", "--inject=fdatasync:error=EIO:when=5")
    let said = trace.result.output.split(separator: "\n")
    #expect(
      said == (0..<4).map { "safe \($0)" } + ["FAIL durable write: not done", "no flush is done any more"])
    #expect(trace.result.error.contains("Input/output error"))
    #expect(trace.result.status == 1)
  }
}

/// A run of the guest `durable` under strace(1).
private struct Trace {
  let result: Program.Result
  /// What strace wrote.
  let lines: [Substring]

  /// Where it must be (CI), the tests run and fail instead of being left out.
  static let isPossible: Bool = {
    if ProcessInfo.processInfo.environment["CI"] == "true" { return true }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/strace")
    process.arguments = ["-f", "-o", "/dev/null", "true"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }()

  /// - Parameter isConfined: a call that strace fails has no number where filters look at it.
  static func run(blocks: Int, isConfined: Bool = true, _ options: String...) throws -> Trace {
    let place = try PrivateFolder()
    let disk = try NumberedDisk(in: place, blocks: blocks)
    let log = place.path + "/trace"
    let result = try Program(tracing: ["-f", "-y", "-s", "65536", "-o", log] + options).run(
      [
        "boot", "--kernel", BareGuest.path("durable"), "--disk", disk.path, "--append", "generation=1",
      ] + (isConfined ? [] : ["--no-confinement"]))
    return Trace(
      result: result, lines: try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n"))
  }

  /// How many flushes had returned without an error when each block began to be said safe, which the console may be
  /// given in any number of pieces.
  var flushesBeforeSafe: [Int] {
    var flushes = 0
    var said = ""
    var found: [Int] = []
    for line in lines {
      if line.contains("fdatasync"), line.hasSuffix(" = 0") { flushes += 1 }
      // Of each call what it is given stands in quotation marks, where it begins.
      guard line.contains(" write"), line.contains("<pipe:") else { continue }
      said += line.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset % 2 == 1 }.map(\.element).joined()
      let count = said.components(separatedBy: "safe").count - 1
      found += Array(repeating: flushes, count: count - found.count)
    }
    return found
  }
}

/// A folder of its own, removed with its owner.
final class PrivateFolder: Sendable {
  let path: String

  init() throws {
    // Short, for there are sockets in it.
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-XXXXXX")
    var name = Array(folder.path.utf8CString)
    path = String(cString: try #require(mkdtemp(&name)))
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The names of all files in it and in folders below.
  func contents() throws -> [String] { try FileManager.default.subpathsOfDirectory(atPath: path).sorted() }
}

/// The disk that the guest `durable` fills: block n of 512 words, of which each tells generation, n and place.
private struct NumberedDisk {
  static let blockCount = 4096
  private static let blockSize = 4096

  let name = "numbered.img"
  let path: String

  init(in place: PrivateFolder, blocks: Int = NumberedDisk.blockCount) throws {
    path = "\(place.path)/\(name)"
    try Data().write(to: URL(fileURLWithPath: path))
    truncate(path, off_t(blocks * NumberedDisk.blockSize))
  }

  /// Which of the first `count` blocks are not wholly of `generation`.
  func blocksMissing(of count: Int, generation: Int) throws -> [Int] {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    let bytes = try file.read(upToCount: count * NumberedDisk.blockSize) ?? Data()
    let wordsPerBlock = NumberedDisk.blockSize / 8
    return bytes.withUnsafeBytes { buffer in
      let words = buffer.bindMemory(to: UInt64.self)
      return (0..<count).filter { number in
        !(0..<wordsPerBlock).allSatisfy { place in
          let index = number * wordsPerBlock + place
          return index < words.count
            && UInt64(littleEndian: words[index]) == UInt64(generation << 48 | number << 16 | place)
        }
      }
    }
  }
}
