import AgentProtocol
import ArgumentParser
import Configuration
import Glibc
import Images
import LinuxSystem

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a program in a virtual machine of its own.",
    discussion: """
      IMAGE is a directory, a disk image, an archive, oci:, docker-archive: or docker://, or the digest of one that is \
      kept, as for `swiftlet images inspect`. It is only read: what the program writes is gone with the machine. Without COMMAND the image's own is run. Options stand before the image.

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
    var report: RunReport?
    var result: RunResult
    do throws(Diagnostic) {
      report = try RunReport(options.json)
      result = try run(report)
    } catch { result = RunResult(error) }
    if let complaint = result.complaint { Program.warn(complaint) }
    do throws(Diagnostic) { try report?.write(result) } catch {
      Program.warn("\(error)")
      result.status = RunStatus.ownFailure
    }
    Program.end(result.status)
  }

  /// Runs it to its end; with -d, in another process than this.
  private func run(_ report: RunReport?) throws(Diagnostic) -> RunResult {
    let request = try options.request(words)
    // Also with -d here, where keys of the terminal end it.
    let image = try request.resolveImage()
    try request.writable?.makeIfMissing()
    guard request.isDetached else { return try RunMachine(request, image).run() }
    let kept = [report?.descriptor, image.lease?.descriptor].compactMap(\.self)
    let whenStarted = try Detachment.begin(keeping: kept)
    return try RunMachine(request, image, whenStarted: whenStarted).run()
  }
}
