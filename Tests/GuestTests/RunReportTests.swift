import Foundation
import Testing

/// What `swiftlet run --json` tells a program, which is told something whatever happens.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct RunReportTests {
  private struct Told: Decodable {
    let status: Int
    let ended: String
    let signal: Int?
    let complaint: String?
    let bootNanoseconds: UInt64?
    let programNanoseconds: UInt64?
    let totalNanoseconds: UInt64
    let peakMemoryBytes: UInt64

    init(_ path: String) throws {
      self = try JSONDecoder().decode(Told.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
  }

  /// The memory is that of the machine, however much the programs had that prepared it.
  @Test func theEndOfAProgramIsTold() throws {
    let world = try RunWorld()
    let result = try world.shell(
      """
      mkdir bin
      { echo '#!/bin/sh'; echo 'dd if=/dev/zero of=/dev/null bs=300M count=1 2>/dev/null'
        echo 'PATH=/usr/sbin:/sbin exec mke2fs "$@"'; } > bin/mke2fs
      chmod +x bin/mke2fs
      PATH=$PWD/bin:$PATH $S run --json told --writable new,size=32M -m 64M $IMAGE sh -c 'kill -TERM $$'
      """)
    #expect(result.error == "")
    #expect(result.status == 143)
    let told = try Told(world.place("told"))
    #expect(told.status == 143 && told.ended == "killed" && told.signal == 15 && told.complaint == nil)
    let (boot, program) = (try #require(told.bootNanoseconds), try #require(told.programNanoseconds))
    #expect(boot > 0 && program > 0 && told.totalNanoseconds >= boot + program)
    #expect((1 << 20..<200 << 20).contains(told.peakMemoryBytes), "\(told.peakMemoryBytes)")
  }

  @Test(arguments: [
    "run --json told -m much IMAGE", "run -d --json told --kernel nowhere IMAGE true",
    "run --json told nowhere",
  ])
  func aFailureBeforeThereIsAMachineIsTold(command: String) throws {
    let world = try RunWorld()
    try Data("what was told before, and is longer than what is told now\n".utf8).write(
      to: URL(fileURLWithPath: world.place("told")))
    let result = try world.shell("$S \(command.replacing("IMAGE", with: world.image))")
    #expect(result.output == "")
    #expect(result.status == 125)
    let told = try Told(world.place("told"))
    #expect(told.status == 125 && told.ended == "failed" && told.bootNanoseconds == nil)
    #expect("swiftlet: \(told.complaint ?? "")\n" == result.error)
    #expect(try world.leftovers() == [])
  }

  /// It is found out before the machine starts.
  @Test func aFileThatCannotBeWrittenIsToldFirst() throws {
    let world = try RunWorld()
    let result = try world.swiftlet([
      "run", "--json", "/nowhere/told", "--kernel", "/nowhere/kernel", world.image,
    ])
    #expect(result.error == "swiftlet: cannot write the result: /nowhere/told: No such file or directory\n")
    #expect(result.status == 125)
  }
}
