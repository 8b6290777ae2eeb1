import Foundation
import Testing

/// A folder for what runs make, and what their commands need to be told.
final class RunWorld: Sendable {
  private let folder: PrivateFolder
  private let kernel: String
  private let agent: String
  let image: String

  init() throws {
    folder = try PrivateFolder()
    kernel = try Built.folder("guest-kernels/linux/build", "up") + "/vmlinux"
    agent = try Built.folder("guest-kernels/agent/build") + "/agent.cpio"
    image = try Built.folder("guest-kernels/rootfs/build") + "/root.erofs"
    try FileManager.default.createDirectory(
      atPath: place("runtime"), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  func place(_ name: String) -> String { "\(folder.path)/\(name)" }

  var environment: [String: String] {
    ["SWIFTLET_KERNEL": kernel, "SWIFTLET_AGENT": agent, "XDG_RUNTIME_DIR": place("runtime")]
  }

  /// - Parameter observe: called with the command's process identifier and its output so far, after each piece.
  func run(
    _ options: [String], _ command: [String], image: String? = nil, environment more: [String: String] = [:],
    observing observe: (pid_t, String) -> Void = { _, _ in }
  ) throws -> Program.Result {
    try swiftlet(
      ["run"] + options + [image ?? self.image, "--"] + command, environment: more, observing: observe)
  }

  func swiftlet(
    _ arguments: [String], input: String = "", environment more: [String: String] = [:],
    observing observe: (pid_t, String) -> Void = { _, _ in }
  ) throws -> Program.Result {
    var program = Program()
    program.environment = environment.merging(more) { $1 }
    return try program.run(arguments, input: input, limit: patience, observing: observe)
  }

  /// Runs shell commands in the folder, with `$S` for swiftlet and `$IMAGE`.
  func shell(_ commands: String, limit: Int = patience) throws -> Program.Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = ["--signal=KILL", "\(limit)", "/bin/sh", "-c", commands]
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }.merging([
      "S": Program.folder.appendingPathComponent("swiftlet").path, "IMAGE": image,
      "SWIFT_BACKTRACE": "enable=no",
    ]) { $1 }
    let (output, error) = (Pipe(), Pipe())
    (process.standardInput, process.standardOutput, process.standardError) = (
      FileHandle.nullDevice, output, error
    )
    try process.run()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    let complained = error.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Program.Result(
      status: process.terminationStatus, output: String(decoding: said, as: UTF8.self),
      error: String(decoding: complained, as: UTF8.self))
  }

  /// What machines have left of folders.
  func leftovers() throws -> [String] {
    let base = place("runtime/swiftlet")
    guard FileManager.default.fileExists(atPath: base) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: base)
  }

  /// Processes that have this folder's runtime directory in their environment.
  func processes() -> [pid_t] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { pid_t($0) }.filter { process in
      guard let text = FileManager.default.contents(atPath: "/proc/\(process)/environ") else { return false }
      return text.range(of: Data(place("runtime").utf8)) != nil
    }
  }
}
