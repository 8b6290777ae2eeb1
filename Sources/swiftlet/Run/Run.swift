import ArgumentParser
import Configuration
import Glibc
import LinuxSystem

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a program in a virtual machine of its own.",
    discussion: """
      IMAGE is a directory, or a disk image with EROFS or ext4. It is only read: what the program writes is gone with \
      the machine. Without COMMAND the image's own is run.

      Standard input, output and error are the program's, and so are the signals INT, TERM, HUP, QUIT, USR1, USR2; \
      a second INT within a second ends the machine. The status is the program's, 128+n where signal n ended it; or
      124  the time limit passed
      125  swiftlet failed, or was asked for what cannot be
      126  the command cannot be executed
      127  the command is not there
      """)

  @Option(
    name: .shortAndLong, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Guest memory. (default: 128M)", valueName: "size"))
  var memory: [String] = []

  @Flag(help: "Print when each step of the boot was reached.")
  var timeline = false

  @Flag(name: .long, help: "Show the guest's console, and say what is done, on standard error.")
  var verbose = false

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp("The image, and the command with its arguments.", valueName: "image] [--] [command"))
  var words: [String]

  func run() throws {
    do throws(Diagnostic) {
      let result = try RunMachine(request()).run()
      if let complaint = result.complaint { Program.warn(complaint) }
      Program.end(result.status)
    } catch {
      Program.warn("\(error)")
      Program.end(RunStatus.ownFailure)
    }
  }

  /// What is asked for, before any file is looked at.
  func request() throws(Diagnostic) -> RunRequest {
    var request = RunRequest()
    guard let image = words.first else {
      throw Diagnostic(.usage, "no image", which: "", mend: "name a directory or a disk image")
    }
    request.image = image
    request.command = Array(words.dropFirst())
    if request.command.first == "--" { request.command.removeFirst() }
    request.boot.console = verbose ? .virtio : MachineDescription.Console.none
    if let memory = memory.last { request.boot.memory = try byteCount(memory) }
    request.boot.timeline = timeline
    request.boot.verbose = verbose
    return request
  }
}
