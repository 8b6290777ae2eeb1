import ArgumentParser
import BenchSupport
import CBench

/// Measures what each device costs beside what it asks of the host, and prints it in Markdown.
@main
struct BenchDevices: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-devices",
    abstract: "Measure each device against the host's own cost of the same read, write or send."
  )

  @Option(help: ArgumentHelp("Where swiftlet-vmm is.", valueName: "folder"))
  var programs: String

  @Option(help: ArgumentHelp("Where the bare guests are.", valueName: "folder"))
  var guests: String

  @Option(help: ArgumentHelp("Where a disk image and other files are made.", valueName: "folder"))
  var folder = "/tmp"

  @Option(help: ArgumentHelp("How often each way has its turn.", valueName: "n"))
  var rounds = 31

  @Option(help: ArgumentHelp("How long each turn is, about.", valueName: "ms"))
  var turn = 4

  @Option(help: ArgumentHelp("How often a guest does each thing, 1 to 20000.", valueName: "n"))
  var count = 250

  func validate() throws {
    // What the guest's console says is read at the end only.
    guard (1...20_000).contains(count) else { throw ValidationError("--count is 1 to 20000") }
  }

  func run() throws {
    var report = Report()
    print(Setting.host + (Setting.takePriority() ? ", measured at nice -20." : "."))
    let bench = InProcess(
      folder: try Folder(in: folder), rounds: max(1, rounds), slice: UInt64(max(1, turn)) * 1_000_000,
      hasNetwork: cbench_leave_network() == 0)
    let setting = Setting(programs: programs, guests: guests, rounds: bench.rounds)
    try GuestMeasures.measure(setting, bench, count: count, &report)
    try BlockMeasures.measure(bench, &report)
    try VsockMeasures.measure(bench, &report)
    try FsMeasures.measure(bench, &report)
    try SmallMeasures.measure(bench, &report)
    try NetMeasures.measure(bench, &report)
  }
}
