import Configuration
import Foundation
import Testing

@testable import swiftlet

/// What ends machines, with processes that are none in their place.
struct RunningMachineTests {
  @Test func aMachineThatStaysIsTold() throws {
    let base = try TemporaryFolder()
    let folder = try RuntimeFolder(name: "box", in: base.path)
    let (supervisor, input) = (Process(), Pipe())
    supervisor.executableURL = URL(fileURLWithPath: "/bin/cat")
    supervisor.standardInput = input
    try supervisor.run()
    defer { kill(supervisor.processIdentifier, SIGKILL) }
    // Signals wait where this thread has them blocked, and else because of this.
    kill(supervisor.processIdentifier, SIGSTOP)
    try Self.write(supervisor, to: folder.path)
    let machine = try RunningMachine("box", in: base.path)
    var complaint = ""
    do throws(Diagnostic) { try machine.stop(after: 0, patience: 0) } catch { complaint = "\(error)" }
    #expect(complaint.hasPrefix("the machine does not end: box: kill -KILL "))

    // It ends now, while far more time is given than there is; and what has ended needs nothing more.
    try input.fileHandleForWriting.close()
    kill(supervisor.processIdentifier, SIGCONT)
    try machine.stop(after: .max)
    supervisor.waitUntilExit()
    try machine.switchOff(patience: 0)
  }

  /// A process whose number a machine once had is left alone.
  @Test func noOtherProcessIsSignalled() throws {
    let base = try TemporaryFolder()
    let other = Process()
    other.executableURL = URL(fileURLWithPath: "/bin/sleep")
    other.arguments = ["1000"]
    try other.run()
    defer { kill(other.processIdentifier, SIGKILL) }
    let folder = "\(base.path)/box"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data().write(to: URL(fileURLWithPath: folder + "/lock"))
    try Self.write(other, to: folder)
    let error = #expect(throws: Diagnostic.self) { try RunningMachine("box", in: base.path).switchOff() }
    #expect(error?.what == "no such machine")
    #expect(other.isRunning)
  }

  private static func write(_ supervisor: Process, to folder: String) throws {
    let state = Data(#"{"supervisor": \#(supervisor.processIdentifier)}"#.utf8)
    try state.write(to: URL(fileURLWithPath: folder + "/state.json"))
  }
}
