import Foundation
import Synchronization
import Testing

/// Runs a built program as a person would, with an end even where it hangs.
struct Program {
  var name = "swiftlet"
  /// What runs it, as `unshare -n`.
  var prefix: [String] = []
  /// What its environment has besides, or instead of, the tests' own.
  var environment: [String: String] = [:]
  /// What strace(1) is given, where the program runs under it.
  var tracing: [String]?

  struct Result {
    let status: Int32
    let output: String
    let error: String
  }

  /// The folder of the programs built with these tests.
  static let folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    .deletingLastPathComponent()

  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// - Parameters:
  ///   - input: what the program reads from standard input.
  ///   - limit: seconds after which the program is killed and the test fails.
  ///   - observe: called with the program's process identifier after each piece of output.
  func run(
    _ arguments: [String], input: String = "", limit: Int = 60, observe: (pid_t) -> Void = { _ in }
  ) throws -> Result {
    try run(arguments, input: input, limit: limit) { process, _ in observe(process) }
  }

  /// - Parameter observe: called with the program's process identifier and its output so far, after each piece.
  func run(
    _ arguments: [String], input: String = "", limit: Int = 60, observing observe: (pid_t, String) -> Void
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments =
      ["--signal=KILL", "\(limit)"] + prefix + (tracing.map { ["strace"] + $0 } ?? [])
      + [Program.folder.appendingPathComponent(name).path] + arguments
    var environment = ProcessInfo.processInfo.environment
    environment["SWIFT_BACKTRACE"] = "enable=no"
    environment.merge(self.environment) { $1 }
    process.environment = environment
    let (typed, output, error) = (Pipe(), Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (typed, output, error)
    try process.run()
    // Fits into the pipe; a program that ended already does not want it.
    try? typed.fileHandleForWriting.write(contentsOf: Data(input.utf8))
    try? typed.fileHandleForWriting.close()
    let words = Mutex(Data())
    let reader = Thread { words.withLock { $0 = error.fileHandleForReading.readDataToEndOfFile() } }
    reader.start()
    var said = Data()
    while case let piece = output.fileHandleForReading.availableData, !piece.isEmpty {
      said += piece
      if let child = Program.child(of: process.processIdentifier) {
        observe(child, String(decoding: said, as: UTF8.self))
      }
    }
    process.waitUntilExit()
    while !reader.isFinished { usleep(1000) }
    return Result(
      status: process.terminationStatus, output: String(decoding: said, as: UTF8.self),
      error: words.withLock { String(decoding: $0, as: UTF8.self) })
  }

  /// The one child of `timeout`; nil when it has ended.
  static func child(of parent: pid_t) -> pid_t? {
    let children = try? String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
    return children?.split(separator: " ").first.flatMap { pid_t($0) }
  }
}

/// What the scripts of guest-kernels have built.
enum Built {
  /// The folder of a script's products.
  static func folder(_ script: String, _ flavour: String...) throws -> String {
    let process = Process()
    process.executableURL = Program.package.appendingPathComponent(script)
    process.arguments = ["--print-dir"] + flavour
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    let folder = text.trimmingCharacters(in: .whitespacesAndNewlines)
    try #require(FileManager.default.fileExists(atPath: folder), "\(script) has not run: use `make test`")
    return folder
  }
}

/// The freestanding guests of guest-kernels/bare.
enum BareGuest {
  static func path(_ name: String) throws -> String {
    try Built.folder("guest-kernels/bare/build") + "/" + name
  }
}

/// Whether machines can be run here. Where they must be (CI), tests run and fail instead of being left out.
let hasKVM =
  ProcessInfo.processInfo.environment["CI"] == "true" || access("/dev/kvm", R_OK | W_OK) == 0

/// Seconds in which a Linux guest does what a test wants, also where its kernel is interpreted and the host is shared with
/// other work: only what hangs is ended by it.
let patience = runsLongTests ? 2400 : 1200

/// Whether tests that take minutes were asked for: `make test-long`.
let runsLongTests = ProcessInfo.processInfo.environment["SWIFTLET_LONG"] == "1"

/// Whether KVM has no hardware virtualization beneath it here.
let needsWorkarounds: Bool = {
  let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
  return !text.contains(" vmx ") && !text.contains(" svm ")
}()
