import AgentProtocol
import Configuration
import Glibc
import Images
import LinuxSystem

/// What a person asked to run, from options; nil where nothing was said.
struct RunRequest: Equatable {
  var image = ""
  /// Replaces the image's command.
  var command: [String] = []
  var entrypoint: String?
  var environment: [String] = []
  var directory: String?
  var user: String?
  var hasTerminal = false
  /// Whether standard input is the program's.
  var hasInput = true
  /// Whether a working directory that is not there is made.
  var makesDirectory = true
  var limits: [StartRequest.Limit] = []
  var writable: WritableDisk?
  var name: String?
  /// Whether it runs on by itself.
  var isDetached = false

  var boot = BootRequest()
  var setup = Setup()

  /// The image, made if it is not kept yet. Takes as long as that does, and may be interrupted.
  func resolveImage() throws(Diagnostic) -> RunnableImage {
    try ImagesCommand.store().resolve(
      try ImageReference(parsing: image), progress: terminalProgress(), program: Installation.program)
  }

  /// The program of an image: what was asked for, on top of what the image says. Its whole command is the entry point.
  func program(of config: ImageConfig) throws(Diagnostic) -> ImageConfig {
    var program = ImageConfig()
    program.entrypoint = entrypoint.map { [$0].filter { !$0.isEmpty } } ?? config.entrypoint
    // As Docker does it: another entry point takes the image's command away.
    program.entrypoint += command.isEmpty && entrypoint == nil ? config.command : command
    guard !program.entrypoint.isEmpty else {
      throw Diagnostic(
        .usage, "no command", which: image, mend: "the image names none: write one behind the image")
    }
    program.user = user ?? config.user
    program.workingDirectory = directory ?? config.workingDirectory
    program.environment = merged(config.environment)
    return program
  }

  /// The frame that asks for a program.
  func start(_ program: ImageConfig) throws(Diagnostic) -> [UInt8] {
    var start = Start(program.entrypoint.map(ArgumentText.bytes))
    if hasTerminal { start.options.insert(.terminal) }
    if makesDirectory { start.options.insert(.makesDirectory) }
    start.window = hasTerminal ? TerminalSize.now : WindowSize(columns: 0, rows: 0)
    start.user = ArgumentText.bytes(program.user)
    start.directory = ArgumentText.bytes(program.workingDirectory)
    start.environment = program.environment.map(ArgumentText.bytes)
    start.limits = limits
    guard let frame = start.encoded() else {
      throw Diagnostic(
        .usage, "arguments and environment too long", which: program.entrypoint[0],
        mend: "give at most \(Wire.startLimit >> 20) MiB")
    }
    return frame
  }

  private func merged(_ given: [String]) -> [String] {
    var entries = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    if !setup.hostName.isEmpty { entries.append("HOSTNAME=\(setup.hostName)") }
    if hasTerminal { entries.append("TERM=xterm") }
    entries += given + environment
    // The last one of a name counts, and stands where it is given. Names are bytes: no two spellings are the same.
    var names = Set<[UInt8]>()
    let kept = entries.reversed().filter { names.insert(Array($0.utf8.prefix { $0 != 0x3d })).inserted }
    return kept.reversed()
  }
}

enum TerminalSize {
  /// Of the terminal at standard input or output; 80 by 24 where there is none.
  static var now: WindowSize {
    let size = Terminal.size(STDIN_FILENO) ?? Terminal.size(STDOUT_FILENO)
    return WindowSize(columns: size?.columns ?? 80, rows: size?.rows ?? 24)
  }
}
