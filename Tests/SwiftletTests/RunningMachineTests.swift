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

  /// As the image says where its signal reaches programs.
  @Test(arguments: [("SIGQUIT", SIGQUIT), ("10", SIGUSR1), ("SIGWINCH", SIGTERM), ("", SIGTERM)])
  func aMachineIsStoppedByTheSignalOfItsImage(name: String, number: Int32) throws {
    let base = try TemporaryFolder()
    let folder = try RuntimeFolder(name: "box", in: base.path)
    let supervisor = Process()
    supervisor.executableURL = URL(fileURLWithPath: "/bin/sleep")
    supervisor.arguments = ["1000"]
    try supervisor.run()
    defer { kill(supervisor.processIdentifier, SIGKILL) }
    // What it is sent waits.
    kill(supervisor.processIdentifier, SIGSTOP)
    try Self.write(supervisor, to: folder.path, more: #", "stopSignal": "\#(name)""#)
    let machine = try RunningMachine("box", in: base.path)
    #expect(throws: Diagnostic.self) { try machine.stop(after: 0, patience: 0) }
    let status = try String(contentsOfFile: "/proc/\(supervisor.processIdentifier)/status", encoding: .utf8)
    let pending = try #require(status.split(separator: "\n").first { $0.hasPrefix("ShdPnd:") })
    let signals: UInt64 = 1 << (number - 1) | 1 << (RunSession.powerLoss - 1)
    #expect(UInt64(pending.dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) == signals)
    withExtendedLifetime(folder) {}
  }

  @Test func signalsAreNamedInSeveralWays() {
    #expect(RunningMachine.signal("int") == SIGINT && RunningMachine.signal("SIGHUP") == SIGHUP)
    #expect(
      RunningMachine.signal("9") == RunSession.powerLoss
        && RunningMachine.signal("KILL") == RunSession.powerLoss)
    for other in ["STOP", "28", "\(RunSession.powerLoss)", "", "-2"] {
      #expect(RunningMachine.signal(other) == nil)
    }
  }

  private static func write(_ supervisor: Process, to folder: String, more: String = "") throws {
    let state = Data(#"{"supervisor": \#(supervisor.processIdentifier)\#(more)}"#.utf8)
    try state.write(to: URL(fileURLWithPath: folder + "/state.json"))
  }
}
