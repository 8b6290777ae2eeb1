import AgentProtocol
import ArgumentParser
import Configuration
import Glibc
import Images
import LinuxSystem

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a program in a virtual machine of its own.",
    discussion: """
      IMAGE is a directory, a disk image, an archive or oci:, docker-archive: or docker://, as for `swiftlet images \
      inspect`. It is only read: what the program writes is gone with \
      the machine. Without COMMAND the image's own is run. Options stand before the image.

      Standard input, output and error are the program's, and so are the signals INT, TERM, HUP, QUIT, USR1 and USR2; \
      a second INT within a second ends the machine. There is no network unless --network says so, and nothing of the \
      host but what -v names. The status is the program's, 128+n where signal n ended it; or

      124  the time limit passed
      125  swiftlet failed, or was asked for what cannot be
      126  the command cannot be executed
      127  the command is not there
      """)

  @OptionGroup var options: RunOptions

  @Argument(
    parsing: .captureForPassthrough,
    help: ArgumentHelp(
      "The image, and the command with its arguments; `--` may stand between.", valueName: "image [command"))
  var words: [String]

  func run() throws {
    // All that is not known ends up here.
    if ["--help", "-h"].contains(words.first) { throw CleanExit.helpRequest(self) }
    do throws(Diagnostic) {
      let request = try options.request(words)
      let image = try request.resolveImage()
      Program.end(try request.isDetached ? Detachment.run(request) : Run.run(request, image) { _ in })
    } catch {
      Program.warn("\(error)")
      Program.end(RunStatus.ownFailure)
    }
  }

  /// Runs it to its end.
  /// - Parameter whenStarted: called with the machine's name when the program is there.
  /// - Returns: the status.
  static func run(
    _ request: RunRequest, _ image: RunnableImage, whenStarted: @escaping (String) -> Void
  ) throws(Diagnostic) -> Int32 {
    let result = try RunMachine(request, image, whenStarted: whenStarted).run()
    if let complaint = result.complaint { Program.warn(complaint) }
    if let file = request.report { try result.write(to: file, since: Program.startedAt) }
    return result.status
  }
}
