import Foundation
import Testing

/// What the monitor allocates, counted by a library that stands before the C library's allocator.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct AllocationTests {
  /// A hundred times as many exits, of both kinds, and not one allocation more for a hundred of them: what a start
  /// allocates differs by some hundreds, by how its output is cut into pieces and by what it waits for.
  @Test func allocatesNothingOnAnExit() throws {
    let counter = try Self.buildCounter()
    defer { try? FileManager.default.removeItem(at: counter.deletingLastPathComponent()) }
    let (few, many) = (try allocations(exits: 2000, counter), try allocations(exits: 200_000, counter))
    #expect(few > 100)
    #expect(many < few + 2000)
  }

  /// The allocations of the command and the monitor it becomes, in a boot with so many port writes and memory reads.
  private func allocations(exits: Int, _ counter: URL) throws -> Int {
    var program = Program()
    program.environment["LD_PRELOAD"] = counter.path
    let result = try program.run(["boot", "--kernel", BareGuest.path("exits"), "--append", "n=\(exits)"])
    #expect(result.status == 0)
    let line = try #require(result.error.split(separator: "\n").last { $0.hasPrefix("allocations ") })
    return try #require(Int(line.dropFirst("allocations ".count)))
  }

  private static func buildCounter() throws -> URL {
    let folder = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("counter-\(getpid())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let library = folder.appendingPathComponent("counter.so")
    let source = Program.package.appendingPathComponent("Tests/GuestTests/AllocationCounter/counter.c")
    let compiler = Process()
    compiler.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    compiler.arguments = [
      "clang", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library.path, source.path,
    ]
    try compiler.run()
    compiler.waitUntilExit()
    try #require(compiler.terminationStatus == 0, "the library does not compile")
    return library
  }
}
