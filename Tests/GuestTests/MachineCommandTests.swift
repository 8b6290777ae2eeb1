import Foundation
import Synchronization
import Testing

/// Machines that run by themselves, and what is done with them by their names.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct MachineCommandTests {
  @Test func aMachineWithANameIsUsedFromOutside() throws {
    let world = try RunWorld()
    let command = "trap 'echo bye; exit 5' TERM; echo ready; echo warning >&2; while :; do sleep 1; done"
    let begun = try world.swiftlet([
      "run", "-d", "--name", "box", "-e", "COLOUR=red", world.image, "/bin/sh", "-c", command,
    ])
    #expect(begun.output == "box\n")
    #expect(begun.error == "")
    #expect(begun.status == 0)
    defer { _ = try? world.swiftlet(["kill", "box"]) }

    let list = try world.swiftlet(["ps"]).output.split(separator: "\n")
    #expect(list.count == 2)
    #expect(list.last?.hasPrefix("box ") == true && list.last?.contains(world.image) == true)
    #expect(try world.swiftlet(["ps", "-q"]).output == "box\n")
    #expect(try world.swiftlet(["inspect", "box"]).output.contains("memoryBytes  134217728\n"))

    let twice = try world.swiftlet(["run", "--name", "box", world.image, "/bin/true"])
    #expect(twice.error.hasPrefix("swiftlet: a machine of this name runs: box: "))
    #expect(twice.status == 125)

    let other = try world.swiftlet(
      [
        "exec", "-e", "A=b", "-w", "/tmp", "-u", "12", "box", "/bin/sh", "-c",
        "echo $A; pwd; id -u; cat; echo no >&2; exit 3",
      ],
      input: "typed")
    #expect(other.output == "b\n/tmp\n12\ntyped")
    #expect(other.error == "no\n")
    #expect(other.status == 3)
    let missing = try world.swiftlet(["exec", "-w", "/nowhere", "box", "/bin/true"])
    #expect(missing.error == "swiftlet: no such working directory: /nowhere: No such file or directory\n")
    #expect(missing.status == 126)

    let logs = try world.swiftlet(["logs", "box"])
    #expect(logs.output == "ready\n")
    #expect(logs.error == "warning\n")
    let following = Mutex("")
    let follower = Thread {
      let said = try? world.swiftlet(["logs", "-f", "box"]).output
      following.withLock { $0 = said ?? "" }
    }
    follower.start()
    usleep(500_000)
    #expect(try world.swiftlet(["stop", "--time", "60", "box"]).status == 0)
    while !follower.isFinished { usleep(10_000) }
    #expect(following.withLock { $0 } == "ready\nbye\n")
    #expect(try world.leftovers() == [])
    #expect(world.processes() == [])
    let gone = try world.swiftlet(["stop", "box"])
    #expect(gone.error.hasPrefix("swiftlet: no such machine: box: "))
    #expect(gone.status == 66)
  }

  /// What did not begin is told where it was asked for.
  @Test func aDetachedProgramThatCannotRunIsTold() throws {
    let world = try RunWorld()
    let result = try world.swiftlet(["run", "-d", world.image, "no-such-command"])
    #expect(result.output == "")
    #expect(result.error.hasPrefix("swiftlet: command not found: no-such-command: "))
    #expect(result.status == 127)
    #expect(try world.leftovers() == [])
  }
}

/// A program of a machine with a person at its terminal.
@Suite(.enabled(if: hasKVM && hasTerminalProgram, "/dev/kvm or tmux is not usable here"), .serialized)
struct RunTerminalTests {
  @Test func aShellIsUsedInATerminal() throws {
    let world = try RunWorld()
    let pane = try TerminalPane(columns: 100, rows: 30)
    let sane = try pane.attributes()
    let words = world.environment.map { "\($0)='\($1)'" }.joined(separator: " ")
    let program = Program.folder.appendingPathComponent("swiftlet").path
    try pane.enter("env \(words) \(program) run -it -u 12 '\(world.image)' /bin/sh; echo ended=$?")
    try pane.wait(until: "there is a monitor") { pane.monitor() != nil }
    let monitor = try #require(pane.monitor())
    kill(monitor, SIGSTOP)
    // Unless the host was so fast that the program is there.
    try pane.wait(until: "the wait is shown") {
      let text = try pane.text()
      return text.contains("\nstarting the machine") || text.contains("/ $ ")
    }
    kill(monitor, SIGCONT)
    try pane.wait(for: "/ $ ")
    #expect(try !pane.text().contains("starting the machine"))

    try pane.type("echo a''bx")
    try pane.press("BSpace")
    try pane.enter("c >/dev/tty; tty; stty size; echo mine >/dev/pts/0")
    try pane.wait(for: "\nabc\n/dev/pts/0\n30 100\nmine\n")

    try pane.resize(columns: 90, rows: 25)
    try pane.enter("until stty size | grep '^25 90$'; do :; done")
    try pane.wait(for: "\n25 90\n")

    try pane.enter("sh -c \"echo be''gin; exec sleep 1000\"; echo en''d")
    try pane.wait(for: "\nbegin\n")
    try pane.press("C-c")
    try pane.enter("echo status=$?")
    try pane.wait(for: "\nstatus=130\n")
    #expect(try !pane.text().contains("\nend\n"))

    try pane.enter("stty raw; echo ra''w; exec sleep 1000")
    try pane.wait(for: "\nraw")
    try pane.press("C-c", "C-a")
    try pane.type("x")
    try pane.wait(for: "ended=137")
    #expect(try pane.attributes() == sane)
    #expect(try world.leftovers() == [])
  }
}
