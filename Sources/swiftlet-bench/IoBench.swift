import ArgumentParser
import Bench
import CBench
import Configuration
import LinuxSystem

struct IoBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "io",
    abstract: "Say what devices cost, from inside and by themselves, beside the host's own.",
    discussion: """
      From inside: a bare guest reads, writes and sends by the console, a disk, networks, vsock, a shared directory and \
      others, and a program of the host does the same. By themselves: the monitor's devices are driven in this process, \
      without KVM, in turns with the host's own calls. Frames by a tap take root's rights, and are told to be left out \
      without.
      """)

  @Option(
    name: [.customShort("n"), .long],
    help: ArgumentHelp("How often each way has its turn; half as often a guest.", valueName: "n"))
  var runs = 31

  @Option(help: ArgumentHelp("How long each turn in this process is, about.", valueName: "ms"))
  var turn = 4

  @Option(help: ArgumentHelp("How often the guest does each thing.", valueName: "n"))
  var count = 250

  @Option(
    help: ArgumentHelp("Where disk images and other files are made.", valueName: "folder"),
    completion: .directory)
  var folder: String?

  @OptionGroup var guests: BareGuests
  @OptionGroup var order: TurnOrder
  @OptionGroup var files: ResultFiles

  private static let base = "host"

  func run() throws {
    try check(runs, "--runs", 1...100_000)
    try check(turn, "--turn", 1...10_000)
    // What the guest's console says is read at the end only.
    try check(count, "--count", 1...20_000)
    try measure(.io, runs: runs, warmUps: 1, base: Self.base, into: files) { swiftlet, conditions in
      let guest = try guests.path("throughput", swiftlet)
      guard let monitor = swiftlet.monitor else {
        throw Diagnostic(
          .monitorError, "cannot find the monitor", which: "swiftlet-vmm", mend: "install all of swiftlet")
      }
      let bench = InProcess(
        folder: try TemporaryFolder(in: folder), rounds: runs, slice: UInt64(turn) * 1_000_000,
        hasNetwork: cbench_leave_network() == 0, order: order.generator(&conditions))
      conditions.describe(kernel: guest)
      let inside = try GuestMeasures.measure(monitor: monitor, guest: guest, bench, count: count)
      var alone = DeviceFindings()
      try BlockMeasures.measure(bench, &alone)
      try VsockMeasures.measure(bench, &alone)
      try FsMeasures.measure(bench, &alone)
      try SmallMeasures.measure(bench, &alone)
      try NetMeasures.measure(bench, &alone)
      var contestants = [
        Contestant("guest", command: [monitor, "--description-fd", "3"]), Contestant("device"),
        Contestant(Self.base),
      ]
      contestants[0].series = inside.guest
      contestants[1].series = alone.device
      contestants[2].series = inside.host + alone.host
      let missing = inside.impossible + (bench.hasNetwork ? [] : ["network, tap"])
      let reason = "a tap takes root's rights"
      contestants[0].notMeasured =
        missing.isEmpty ? nil : Dictionary(missing.map { ($0, reason) }) { first, _ in first }
      return Findings(contestants: contestants)
    }
  }
}
