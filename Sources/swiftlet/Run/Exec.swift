import AgentProtocol
import ArgumentParser
import Configuration
import Glibc
import LinuxSystem

struct Exec: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exec",
    abstract: "Run another program in a machine that runs.",
    discussion: """
      The machine was started by run with --name or -d. Streams, signals and statuses are as those of run. Limits are \
      those of the machine's first program, and so are user, working directory and environment where nothing else is \
      said. Options stand before the name.
      """)

  @OptionGroup var program: ProgramOptions

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp("The machine's name, and the command with its arguments.", valueName: "name> <command")
  )
  var words: [String]

  func run() throws {
    if ["--help", "-h"].contains(words.first) { throw CleanExit.helpRequest(self) }
    do throws(Diagnostic) { Program.end(try status()) } catch {
      Program.warn("\(error)")
      Program.end(RunStatus.ownFailure)
    }
  }

  private func status() throws(Diagnostic) -> Int32 {
    var request = try request()
    let machine = try MachineState(in: RuntimeFolder.path(of: words[0]))
    request.limits = machine.limits
    let opening = try request.start(request.program(of: machine.program))
    let socket = try MachineSocket.connect(to: words[0])
    do throws(SystemError) {
      let signals = try RunSession.takingSignals()
      Signal.ignoreFailedWrites()
      var session = try RunSession(socket, opening: opening, signals: signals, request: request)
      let end = try session.run()
      return Self.status(of: end, loss: session.loss, request)
    } catch {
      throw Diagnostic(.hostResource, "cannot wait for the program", which: words[0], mend: "\(error)")
    }
  }

  private func request() throws(Diagnostic) -> RunRequest {
    var request = RunRequest()
    guard let name = words.first, !name.hasPrefix("-") else {
      throw Diagnostic(.usage, "unknown option", which: words.first ?? "", mend: "see swiftlet exec --help")
    }
    request.image = name
    request.command = Array(words.dropFirst())
    if request.command.first == "--" { request.command.removeFirst() }
    try program.apply(to: &request)
    request.makesDirectory = false
    return request
  }

  private static func status(of end: SessionEnd, loss: String?, _ request: RunRequest) -> Int32 {
    let (status, complaint) = RunStatus.explain(
      end, loss: loss, of: request, lost: (RunStatus.ownFailure, "the machine is gone: \(request.image)"))
    if let complaint { Program.warn(complaint) }
    return status
  }
}

/// A way into a machine that runs.
enum MachineSocket {
  /// Milliseconds that a guest may take to answer.
  private static let patience: Int32 = 30_000
  /// "OK 4294967295\n" and no more.
  private static let answerLimit = 16

  /// A connection with the agent of the machine of this name.
  static func connect(to name: String) throws(Diagnostic) -> FileDescriptor {
    let path = "\(try RuntimeFolder.path(of: name))/\(RunMachine.socketName)"
    do throws(SystemError) {
      let socket = try UnixSocket.connected(to: path)
      try socket.writeAll(Array("CONNECT \(Wire.port)\n".utf8))
      var answer: [UInt8] = []
      while answer.last != UInt8(ascii: "\n"), answer.count < answerLimit {
        var entries = [PollEntry(socket.raw, reading: true)]
        try PollEntry.wait(&entries, atMost: patience)
        guard entries[0].isReadable, let byte = try socket.read(upTo: 1).first else { break }
        answer.append(byte)
      }
      if answer.starts(with: Array("OK ".utf8)), answer.last == UInt8(ascii: "\n") { return socket }
      throw SystemError(call: "CONNECT", code: ECONNREFUSED)
    } catch {
      throw Diagnostic(
        .noInput, "the machine takes no further programs", which: name,
        mend: "start it by run with --name or -d; it can have 15 at a time")
    }
  }
}
