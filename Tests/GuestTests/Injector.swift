import Foundation
import Testing

/// Has threads of a running monitor make system calls, by a program that is compiled for it: Injector/inject.c.
final class Injector {
  private let folder: URL
  private var program: URL { folder.appendingPathComponent("inject") }

  /// Whether calls can be made past the filters of another process: for a tracer with root's rights that has none itself
  /// (ptrace(2), PTRACE_O_SUSPEND_SECCOMP).
  static let passesFilters: Bool = {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    return geteuid() == 0 && status.contains("Seccomp:\t0\n")
  }()

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("injector-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let source = Program.package.appendingPathComponent("Tests/GuestTests/Injector/inject.c").path
    let arguments = ["clang", "-O1", "-Wall", "-Werror", "-o", program.path, source]
    _ = try run(URL(fileURLWithPath: "/usr/bin/env"), arguments)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// Has `thread` make the call `number` instead of its next one.
  func replaceCall(of thread: String, in process: pid_t, by number: Int) throws {
    _ = try run(program, ["\(process)", Self.name(thread), "\(number)"])
  }

  /// What the kernel answers to a call of `thread`, which no filter is asked about.
  /// - Parameter arguments: numbers, and texts that begin with a slash.
  func result(of number: Int, _ arguments: [String], on thread: String, in process: pid_t) throws -> Int {
    let text = try run(program, ["-u", "\(process)", Self.name(thread), "\(number)"] + arguments)
    return try #require(Int(text.trimmingCharacters(in: .newlines)))
  }

  private static func name(_ thread: String) -> String { thread == "main" ? "swiftlet-vmm" : thread }

  private func run(_ program: URL, _ arguments: [String]) throws -> String {
    let process = Process()
    (process.executableURL, process.arguments) = (program, arguments)
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(program.lastPathComponent) \(arguments)")
    return text
  }
}
