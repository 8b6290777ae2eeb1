import Foundation
import Testing

/// What becomes of a real terminal while a guest has it, and after. The guest says something and then waits for the
/// line `ping` on its console.
@Suite(.enabled(if: hasKVM && hasTerminalProgram, "/dev/kvm or tmux is not usable here"), .serialized)
struct TerminalTests {
  private let pane: TerminalPane
  /// How the terminal is set while the shell has it.
  private let sane: String

  init() throws {
    pane = try TerminalPane()
    sane = try pane.attributes()
  }

  /// Options with which a machine is in the process that the shell sees, and in another.
  private static let ways = ["", "--reboot restart", "--jail"]

  /// Starts a guest in the foreground and returns its monitor when it has the terminal.
  private func startGuest(
    _ options: String = "", _ command: (String) -> String = { $0 }
  ) throws -> pid_t {
    let program = Program.folder.appendingPathComponent("swiftlet").path
    let boot = "\(program) boot --kernel \(try BareGuest.path("virtio")) --append input=1 \(options)"
    try pane.enter("\(command(boot)); echo ended=$?")
    try pane.wait(until: "there is a monitor") { pane.monitor() != nil }
    try waitForRaw()
    return try #require(pane.monitor())
  }

  private func waitForRaw() throws {
    try pane.wait(until: "the terminal is raw") { try pane.attributes() != sane }
    try pane.wait(for: "large 127")
  }

  private func expectSane(status: Int) throws {
    try pane.wait(for: "ended=\(status)")
    #expect(try pane.attributes() == sane)
  }

  /// The guest wants a line feed, which only Ctrl-J makes where nothing is translated.
  private func satisfyGuest() throws {
    try pane.type("ping")
    try pane.press("C-j")
    try expectSane(status: 0)
  }

  @Test func isTheGuestsUntilItPowersOff() throws {
    _ = try startGuest()
    try satisfyGuest()
    #expect(try pane.text().contains("ok console0 receive"))
    #expect(try pane.text().contains("size 80x24"))
  }

  @Test(arguments: ways) func isLeftByControlAAndX(options: String) throws {
    _ = try startGuest(options)
    try pane.press("C-a")
    try pane.type("x")
    try expectSane(status: 84)
    #expect(try pane.text().contains("swiftlet: ended at the console"))
  }

  @Test(arguments: ways) func isGivenBackOnTheSignalToEnd(options: String) throws {
    kill(try startGuest(options), SIGTERM)
    try expectSane(status: 143)
  }

  @Test(arguments: [
    (SIGHUP, 129), (SIGINT, 130), (SIGALRM, 142), (SIGSEGV, 139), (SIGILL, 132),
  ])
  func isGivenBackOnASignal(signal: Int32, status: Int) throws {
    let monitor = try startGuest()
    kill(monitor, signal)
    try expectSane(status: status)
  }

  @Test(arguments: ways) func isGivenBackWhenTheParentIsKilled(options: String) throws {
    let monitor = try startGuest(options) { "sh -c '\($0); true'" }
    var parent: pid_t = 0
    try pane.wait(until: "the monitor has a parent") {
      parent = parentProcess(of: monitor) ?? 0
      return parent != 0 && parent != pane.shell
    }
    kill(parent, SIGKILL)
    try pane.wait(until: "the monitor has ended") { !isAlive(monitor) }
    try expectSane(status: 137)
  }

  @Test(arguments: ways) func isGivenBackWhileStopped(options: String) throws {
    let monitor = try startGuest(options)
    kill(-getpgid(monitor), SIGTSTP)
    try pane.wait(until: "the monitor has stopped") { state(of: monitor) == "T" }
    #expect(try pane.attributes() == sane)
    try pane.enter("fg; echo ended=$?")
    try waitForRaw()
    try satisfyGuest()
  }

  @Test(arguments: ways) func isTakenWhenTheGuestComesToTheForeground(options: String) throws {
    let program = Program.folder.appendingPathComponent("swiftlet").path
    try pane.enter("\(program) boot --kernel \(try BareGuest.path("virtio")) --append input=1 \(options) &")
    try pane.wait(for: "large 127")
    #expect(try pane.attributes() == sane)
    try pane.enter("fg; echo ended=$?")
    try waitForRaw()
    try satisfyGuest()
  }

  @Test(arguments: ways) func endsTheMachineWhenItHangsUp(options: String) throws {
    let monitor = try startGuest(options)
    pane.close()
    try pane.wait(until: "the monitor has ended") { !isAlive(monitor) }
  }

  @Test(arguments: ways) func isNotTouchedByAMachineWithoutConsole(options: String) throws {
    let program = Program.folder.appendingPathComponent("swiftlet").path
    let guest = try BareGuest.path("exits")
    let boot = "\(program) boot --kernel \(guest) --append n=1000000000 --console none \(options)"
    try pane.enter("\(boot); echo ended=$?")
    try pane.wait(until: "there is a monitor") { pane.monitor() != nil }
    #expect(try pane.attributes() == sane)
    try pane.press("C-c")
    try expectSane(status: 130)
  }
}

private func parentProcess(of process: pid_t) -> pid_t? {
  let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
  return line?.split(separator: ")").last?.split(separator: " ").dropFirst().first.flatMap { pid_t($0) }
}

/// Tests of terminals are left out where tmux is missing, but fail in CI.
let hasTerminalProgram =
  ProcessInfo.processInfo.environment["CI"] == "true" || access("/usr/bin/tmux", X_OK) == 0
