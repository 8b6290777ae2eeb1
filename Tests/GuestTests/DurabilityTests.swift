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
    for generation in 1...50 {
      let moment = Int.random(in: 1...150)
      let run = try killedRun(
        moment: moment, disk: disk, way: way, generation: generation, in: place)
      #expect(run.output.contains("FAIL") == false)
      #expect(run.error == "", "the machine of round \(generation) has something to say")
      let safe = run.output.split(separator: "\n").filter { $0.hasPrefix("safe ") }.count
      // Killed while it wrote: not before, not after.
      try #require((1..<NumberedDisk.blockCount).contains(safe))
      let lost = try disk.blocksMissing(of: safe, generation: generation)
      #expect(lost == [], "of \(safe) blocks of round \(generation), killed at word \(moment)")
      #expect(try place.contents() == [disk.name], "left behind by round \(generation)")
    }
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

/// A folder of its own, removed with its owner.
private final class PrivateFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "swiftlet-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    path = url.path
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

  init(in place: PrivateFolder) throws {
    path = "\(place.path)/\(name)"
    try Data().write(to: URL(fileURLWithPath: path))
    truncate(path, off_t(NumberedDisk.blockCount * NumberedDisk.blockSize))
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
