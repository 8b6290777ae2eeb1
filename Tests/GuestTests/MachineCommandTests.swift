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
      "run", "-d", "--name", "box", "-e", "COLOUR=red", "-e", "SIZE=big", "-w", "/tmp", "-u", "7:8",
      "--ulimit", "nofile=100:200", "--ulimit", "core=-1", world.image, "/bin/sh", "-c", command,
    ])
    #expect(begun.output == "box\n")
    #expect(begun.error == "")
    #expect(begun.status == 0)
    defer { _ = try? world.swiftlet(["kill", "box"]) }

    let list = try world.swiftlet(["ps"]).output.split(separator: "\n")
    #expect(list.count == 2)
    #expect(list.last?.hasPrefix("box ") == true && list.last?.contains(world.image) == true)
    #expect(try world.swiftlet(["ps", "-q"]).output == "box\n")
    #expect(try world.swiftlet(["inspect", "box"]).output.contains("memoryBytes       134217728\n"))

    let twice = try world.swiftlet(["run", "--name", "box", world.image, "/bin/true"])
    #expect(twice.error.hasPrefix("swiftlet: a machine of this name runs: box: "))
    #expect(twice.status == 125)

    let other = try world.swiftlet(
      [
        "exec", "-e", "A=b", "-e", "SIZE=small", "box", "/bin/sh", "-c",
        "echo $A $COLOUR $SIZE $HOSTNAME; pwd; id; ulimit -n; ulimit -Hn; ulimit -c; cat; echo no >&2; exit 3",
      ],
      input: "typed")
    #expect(other.output == "b red small swiftlet\n/tmp\nuid=7 gid=8\n100\n200\nunlimited\ntyped")
    #expect(other.error == "no\n")
    #expect(other.status == 3)
    let chosen = try world.swiftlet(["exec", "-w", "/etc", "-u", "12", "box", "/bin/sh", "-c", "pwd; id"])
    #expect(chosen.output == "/etc\nuid=12 gid=0(root)\n")
    let missing = try world.swiftlet(["exec", "-w", "/nowhere", "box", "/bin/true"])
    #expect(missing.error == "swiftlet: no such working directory: /nowhere: No such file or directory\n")
    #expect(missing.status == 126)

    let logs = try world.swiftlet(["logs", "box"])
    #expect(logs.output == "ready\n")
    #expect(logs.error == "warning\n")
    let full = try world.shell("$S logs box >/dev/full")
    #expect(full.error.hasPrefix("swiftlet: cannot write the output: box: No space left"), "\(full.error)")
    #expect(full.status == 74)
    let following = Mutex("")
    let follower = Thread {
      let said = try? world.swiftlet(["logs", "-f", "box"]).output
      following.withLock { $0 = said ?? "" }
    }
    follower.start()
    usleep(500_000)
    // One that is not there does not save the others.
    let stopped = try world.swiftlet(["stop", "--time", "99999999999", "nowhere", "box"])
    #expect(stopped.error == "swiftlet: no such machine: nowhere: swiftlet ps tells which there are\n")
    #expect(stopped.status == 66)
    while !follower.isFinished { usleep(10_000) }
    #expect(following.withLock { $0 } == "ready\nbye\n")
    #expect(try world.leftovers() == [])
    #expect(world.processes() == [])
    let gone = try world.swiftlet(["stop", "box"])
    #expect(gone.error.hasPrefix("swiftlet: no such machine: box: "))
    #expect(gone.status == 66)
  }

  /// From its first moment a machine is seen, and can be ended by its name; and it ends with whoever waits for it.
  @Test func aMachineThatHangsInItsBootIsEnded() throws {
    let world = try RunWorld()
    let stuck = try LifecycleGuest(LifecycleGuest.spin)
    let begin = """
      $S run -d --name stuck --kernel \(stuck.path) $IMAGE true & run=$!
      until [ "$($S ps -q)" = stuck ]; do sleep 0.05; done

      """
    let killed = try world.shell(begin + "$S kill stuck; echo killed $?; wait $run; echo ended $?")
    #expect(killed.output == "killed 0\nended 137\n")
    #expect(killed.error == "")
    #expect(try world.leftovers() == [])
    #expect(world.processes() == [])

    let abandoned = try world.shell(
      begin + "kill -KILL $run; while [ \"$($S ps -q)\" ]; do sleep 0.05; done; echo gone")
    #expect(abandoned.output == "gone\n")
    for _ in 0..<200 where world.processes() != [] { usleep(50_000) }
    #expect(world.processes() == [])
    #expect(try world.leftovers() == [])
  }

  /// Why a machine failed that nobody watched is there to be asked for, until another has its name.
  @Test func aDetachedMachineThatFailsLeavesWord() throws {
    let world = try RunWorld()
    let result = try world.shell(
      """
      $S run -d --name box $IMAGE sh -c 'echo ready; until [ -e /off ]; do sleep 0.1; done; exec poweroff -f'
      $S logs -f box & follower=$!
      $S exec box touch /off
      wait $follower
      $S ps -q
      $S logs box
      $S inspect box | grep failure
      $S kill box
      $S run --name box --kernel nowhere $IMAGE true
      $S logs box
      """)
    let reason = "the machine switched itself off before its program ended\n"
    #expect(result.output == "box\nready\nready\nfailure           \(reason)")
    let lines = result.error.split(separator: "\n").map(String.init)
    #expect(lines.count == 5)
    #expect(lines[0] == lines[1] && lines[0] + "\n" == "swiftlet: " + reason)
    #expect(lines[2].hasPrefix("swiftlet: no such machine: box: "))
    #expect(lines[3].hasPrefix("swiftlet: no such kernel: nowhere"))
    #expect(lines[4].hasPrefix("swiftlet: no such machine: box: "))
    #expect(try world.leftovers() == [])
    #expect(world.processes() == [])
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

  /// Who kills the command, and its group, with keys of the terminal still the program's, has the terminal as it was.
  @Test func aKilledCommandLeavesTheTerminalAsItWas() throws {
    let world = try RunWorld()
    let pane = try TerminalPane(columns: 100)
    let sane = try pane.attributes()
    let words = world.environment.map { "\($0)='\($1)'" }.joined(separator: " ")
    let program = Program.folder.appendingPathComponent("swiftlet").path
    try pane.enter("env \(words) \(program) run -t '\(world.image)' sh -c \"echo re''ady; exec sleep 1000\"")
    try pane.wait(for: "ready")
    #expect(try pane.attributes() != sane)
    let command = try #require(pane.descendant(named: "swiftlet"))
    kill(-command, SIGKILL)
    try pane.wait(until: "the terminal is as it was") { try pane.attributes() == sane }
    for _ in 0..<600 where world.processes() != [] { usleep(50_000) }
    #expect(world.processes() == [])
  }

  /// In a line that goes again; keys are the terminal's until there is a program.
  @Test func aStartThatTakesLongIsTold() throws {
    let world = try RunWorld()
    let stuck = try LifecycleGuest(LifecycleGuest.spin)
    let pane = try TerminalPane(columns: 100)
    let words = world.environment.map { "\($0)='\($1)'" }.joined(separator: " ")
    let program = Program.folder.appendingPathComponent("swiftlet").path
    try pane.enter(
      "clear; env \(words) \(program) run -t --kernel \(stuck.path) '\(world.image)' true; echo ended=$?")
    try pane.wait(for: "starting the machine")
    try pane.press("C-c")
    try pane.wait(for: "ended=130")
    #expect(try !pane.text().contains("starting the machine"))
    #expect(try world.leftovers() == [])
  }
}
