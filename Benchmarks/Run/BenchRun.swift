import ArgumentParser
import BenchSupport

/// Measures what `swiftlet run` adds to a program, and prints it in Markdown.
@main
struct BenchRun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-run",
    abstract: "Measure what a machine of its own costs a program, against the limits."
  )

  @Option(help: ArgumentHelp("Where swiftlet and swiftlet-vmm are.", valueName: "folder"))
  var programs: String

  @Option(help: ArgumentHelp("The root file system of Linux, an erofs image.", valueName: "file"))
  var root: String

  @Option(help: ArgumentHelp("A bzImage for QEMU to boot.", valueName: "file"))
  var kernel: String

  @Option(help: ArgumentHelp("How often each program is started.", valueName: "n"))
  var rounds = 5

  @Flag(help: "Fail where a limit is not met.")
  var check = false

  func run() throws {
    let setting = Setting(programs: programs, guests: "", rounds: max(1, rounds))
    var report = Report()
    print(Setting.host + (Setting.takePriority() ? ", measured at nice -20." : "."))
    try Overhead.measure(setting, root: root, &report)
    try Speed.measure(setting, root: root, kernel: kernel, &report)
    if check, !report.isMet { throw ExitCode.failure }
  }
}
