import Foundation
import Testing

/// Every device of a machine, driven by a guest that checks what it does and counts what is wrong.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct VirtioGuestTests {
  /// The sectors the guest writes: of a disk's upper half as many as it looks at.
  private static let written = 128 * 128..<192 * 128

  @Test func servesConsoleDisksAndEntropy() throws {
    let (writable, readOnly) = (try PatternDisk(), try PatternDisk())
    let result = try Program().run([
      "boot", "--kernel", BareGuest.path("virtio"), "--disk", writable.path,
      "--disk", readOnly.path + ",ro,id=stone",
    ])
    #expect(result.failedChecks == [])
    #expect(result.error == "")
    #expect(result.status == 0)
    #expect(result.output.contains("\nid stone\n"))
    #expect(
      try writable.words() == PatternDisk.words.map { Self.written.contains(Int($0)) ? ~$0 : $0 })
    #expect(try readOnly.words() == PatternDisk.words)
  }

  @Test func passesStandardInputOn() throws {
    let result = try Program().run(
      ["boot", "--kernel", BareGuest.path("virtio"), "--append", "input=1"], input: "ping\n")
    #expect(result.output.contains("\nok console0 receive\n"))
    #expect(result.status == 0)
  }

  /// 128 lines, as one buffer and again in buffers that straddle pages.
  @Test func showsAllThatTheConsoleIsGiven() throws {
    let result = try Program().run(["boot", "--kernel", BareGuest.path("virtio")])
    let lines = (0..<128).map { line in
      let digits = "\(1000 + line)".dropFirst()
      return "large \(digits) "
        + String(repeating: Character(UnicodeScalar(UInt8(97 + line % 26))), count: 53)
    }
    // The serial port's output is between, where a line of its own may just have begun.
    func shown(_ start: String) -> [String] {
      result.output.split(separator: "\n").compactMap { line in
        line.range(of: start).map { String(line[$0.lowerBound...]) }
      }
    }
    #expect(shown("large ") == lines + lines)
    let short = ["one buffer", "three buffers", "indirect buffers", "with interrupt"]
    #expect(shown("virtio console: ") == short.map { "virtio console: \($0)" })
    #expect(result.status == 0)
  }
}

extension Program.Result {
  /// What a bare guest found wrong.
  var failedChecks: [Substring] { output.split(separator: "\n").filter { $0.contains("FAIL") } }
}
