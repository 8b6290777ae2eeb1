import ArgumentParser
import BenchSupport

/// Measures what Swiftlet promises, and prints it in Markdown.
@main
struct BenchCore: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-core", abstract: "Measure start-up, exits, memory and boot cost against their limits."
  )

  @Option(help: ArgumentHelp("Where swiftlet and swiftlet-vmm are.", valueName: "folder"))
  var programs: String

  @Option(help: ArgumentHelp("Where the bare guests are.", valueName: "folder"))
  var guests: String

  @Option(help: ArgumentHelp("The root file system of Linux, an erofs image.", valueName: "file"))
  var root: String

  @Option(help: ArgumentHelp("How often each program is started.", valueName: "n"))
  var rounds = 31

  @Flag(help: "Fail where a limit is not met.")
  var check = false

  func run() throws {
    let setting = Setting(programs: programs, guests: guests, rounds: max(1, rounds))
    var report = Report()
    print(Setting.host + (Setting.takePriority() ? ", measured at nice -20." : "."))
    try Startup.measure(setting, &report)
    try Exits.measure(setting, &report)
    try LinuxBoot.measure(setting, root: root, &report)
    try Footprint.measure(setting, root: root, &report)
    if check, !report.isMet { throw ExitCode.failure }
  }
}
