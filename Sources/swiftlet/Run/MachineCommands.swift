import ArgumentParser
import Configuration
import Glibc
import LinuxSystem

struct PS: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ps", abstract: "List the machines that run.",
    discussion: "Machines of this user that were started by run, with what they are called by.")

  @Flag(name: .shortAndLong, help: "Print names only.")
  var quiet = false

  func run() throws {
    var rows = [["NAME", "PID", "SECONDS", "IMAGE", "COMMAND"]]
    let base = try RuntimeFolder.base(making: false)
    for name in try RuntimeFolder.running() {
      guard let state = try? MachineState(in: "\(base)/\(name)") else { continue }
      let age = max(0, Clock.realTimeSeconds() - Int64(state.startedAt))
      rows.append([
        name, "\(state.supervisor)", "\(age)", state.image, state.command.joined(separator: " "),
      ])
    }
    if quiet { return try Output.write(rows.dropFirst().map { $0[0] + "\n" }.joined()) }
    let widths = (0..<4).map { column in rows.map { $0[column].count }.max() ?? 0 }
    try Output.write(
      rows.map { row in
        let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
        return Diagnostic.printable((cells + [row[4]]).joined(separator: "  ")) + "\n"
      }.joined())
  }
}

struct Stop: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop",
    abstract: "Ask the program of a machine to end (SIGTERM), and end the machine where it does not.")

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How long the program may take. (default: 10)", valueName: "seconds"))
  var time: UInt64 = 10

  @Argument(help: "The machines' names.")
  var names: [String]

  func run() throws {
    try forEachMachine(of: names) { machine throws(Diagnostic) in try machine.stop(after: time) }
  }
}

struct Kill: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kill",
    abstract: "End a machine at once, or send its program a signal.")

  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help: ArgumentHelp("INT, TERM, HUP, QUIT, USR1, USR2, or KILL. (default: KILL)", valueName: "signal"))
  var signal = "KILL"

  @Argument(help: "The machines' names.")
  var names: [String]

  func run() throws {
    guard let number = RunningMachine.signal(signal) else {
      throw Diagnostic(
        .usage, "bad signal", which: signal, mend: "use HUP, INT, KILL, QUIT, TERM, USR1, USR2")
    }
    try forEachMachine(of: names) { machine throws(Diagnostic) in
      try number == RunSession.powerLoss ? machine.switchOff() : machine.send(number)
    }
  }
}

/// Does something with each machine, also where it cannot be done with another: each failure is told, and the first one
/// is the status.
private func forEachMachine(
  of names: [String], _ body: (borrowing RunningMachine) throws(Diagnostic) -> Void
) throws(Diagnostic) {
  let base = try RuntimeFolder.base(making: false)
  var status: ExitStatus?
  for name in names {
    do throws(Diagnostic) { try body(RunningMachine(name, in: base)) } catch {
      Program.warn("\(error)")
      status = status ?? error.status
    }
  }
  if let status { Program.end(status.code) }
}

struct Logs: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs",
    abstract: "Print what the program of a machine has written, to standard output and error as it did.",
    discussion: "Of a machine that was started with run -d; of long output the last mebibyte.")

  @Flag(name: .shortAndLong, help: "Go on until the machine ends.")
  var follow = false

  @Argument(help: "The machine's name.")
  var name: String

  func run() throws {
    let presence = try RuntimeFolder.presence(
      of: name, in: RuntimeFolder.base(making: false), orFailed: true)
    guard let reader = MachineLog.Reader(in: presence.folder) else {
      throw Diagnostic(
        .noInput, "no output is kept of the machine", which: name, mend: "who started it has that: use run -d"
      )
    }
    while true {
      // Asked before reading: what was written until the end is read then, though its file is gone.
      let isThere = follow && presence.isThere
      for piece in reader.next() {
        let file = FileDescriptor(owning: piece.isError ? STDERR_FILENO : STDOUT_FILENO)
        var failure: SystemError?
        do throws(SystemError) { try file.writeAll(Array(piece.bytes)) } catch { failure = error }
        _ = file.release()
        // Who reads has had enough.
        if failure?.code == EPIPE { return }
        if let failure {
          throw Diagnostic(.inputOutput, "cannot write the output", which: name, mend: failure.reason)
        }
      }
      guard isThere else { return }
      usleep(50_000)
    }
  }
}
