import Foundation
import Testing

@testable import Confinement
@testable import confinement_filters

/// The table of filters in the tree is what libseccomp makes of the rules.
struct FilterTableTests {
  private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  @Test func isWhatTheRulesCompileTo() throws {
    let file = Self.package.appendingPathComponent("Sources/Confinement/FilterTable.swift")
    let inForce = try String(contentsOf: file, encoding: .utf8)
    let made = try FilterCompiler.table()
    #expect(inForce == made, "Sources/Confinement/FilterTable.swift is old: run `make filters`")
  }

  /// What one part does not allow is left to the next, and what none allows ends in a trap that names the thread.
  @Test(arguments: [ThreadKind.main, .io, .processor(3)])
  func linkedPartsAllowWhatEachAllows(thread: ThreadKind) throws {
    let parts = thread.parts(Needs(rawValue: .max))
    let program = FilterProgram.link(parts, thread: thread.number, process: 4711)
    #expect(program.count == parts.reduce(0) { $0 + $1.count })
    for part in Rules.parts {
      let words = try FilterCompiler.program(part.rules)
      guard parts.contains(words) else { continue }
      for rule in part.rules where rule.conditions.isEmpty {
        let call = BPFCall(number: try #require(SystemCallNumber.of(rule.call)))
        #expect(BPFMachine.run(program, call) == BPFMachine.allow, "\(rule.call) of \(part.name)")
      }
    }
    let blocked = BPFCall(number: try #require(SystemCallNumber.of("execve")))
    #expect(BPFMachine.run(program, blocked) == BPFMachine.trap | UInt32(thread.number))
  }

  @Test func onlyTheProcessItselfCanBeSignalled() throws {
    let program = FilterProgram.link(
      ThreadKind.main.parts([]), thread: 0, process: 4711)
    let number = try #require(SystemCallNumber.of("tgkill"))
    #expect(BPFMachine.run(program, BPFCall(number: number, [4711, 4712, 10])) == BPFMachine.allow)
    #expect(BPFMachine.run(program, BPFCall(number: number, [4710, 4712, 10])) == BPFMachine.trap)
  }

  @Test func memoryCannotBeMadeExecutable() throws {
    let program = FilterProgram.link(ThreadKind.io.parts([]), thread: 1, process: 1)
    let number = try #require(SystemCallNumber.of("mmap"))
    func answer(_ protection: UInt64, _ flags: UInt64) -> UInt32 {
      BPFMachine.run(program, BPFCall(number: number, [0, 4096, protection, flags]))
    }
    #expect(answer(3, 0x22) == BPFMachine.allow)
    #expect(answer(7, 0x22) == BPFMachine.trap | 1)
    #expect(answer(3, 0x02) == BPFMachine.trap | 1, "a file")
    let protect = BPFCall(number: try #require(SystemCallNumber.of("mprotect")), [0, 4096, 4])
    #expect(BPFMachine.run(program, protect) == BPFMachine.trap | 1)
  }

  /// A machine without a device has none of its calls.
  @Test(arguments: [
    (Needs.shares, "openat2"), (.shareWrites, "unlinkat"), (.vsock, "connect"), (.ports, "accept4"),
    (.ring, "io_uring_enter"), (.disks, "preadv"), (.diskWrites, "fallocate"),
  ])
  func callsComeWithTheirDevices(need: Needs, name: String) throws {
    let call = BPFCall(number: try #require(SystemCallNumber.of(name)))
    func answer(_ needs: Needs) -> UInt32 {
      BPFMachine.run(FilterProgram.link(ThreadKind.io.parts(needs), thread: 1, process: 1), call)
    }
    #expect(answer(need) == BPFMachine.allow)
    #expect(answer([]) == BPFMachine.trap | 1)
  }
}
