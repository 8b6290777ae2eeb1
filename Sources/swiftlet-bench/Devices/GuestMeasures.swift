import Bench
import Configuration
import Glibc
import LinuxSystem

/// Round trips of a bare guest, whose driver's own work counts: from before a request is written down until its answer
/// is found.
struct GuestMeasures {
  /// The descriptors of the guest's networks in the monitor.
  private enum Number {
    static let network: Int32 = 4
    static let tap: Int32 = 5
  }
  /// Where the guest's echo port is.
  private static let echoPort = 1024

  private let bench: InProcess
  private let job: Job
  private let count: Int
  private let works: [GuestWork]
  /// Of each run of the guest: a second for four times all its work is far more than it needs.
  private var limit: Int { 60 + count / 4 }

  /// - Parameters:
  ///   - monitor: the path of `swiftlet-vmm`.
  ///   - guest: the path of the guest `throughput`.
  ///   - count: how often the guest does each thing.
  /// - Returns: what the guest took and what the host took for the same, and the names of what could not be done.
  static func measure(
    monitor: String, guest: String, _ bench: InProcess, count: Int
  ) throws -> (guest: [Series], host: [Series], impossible: [String]) {
    let (path, tapName) = ("\(bench.folder.path)/guest", "benchguest")
    let (ours, theirs) = try UnixSocket.pair()
    defer { close(ours) }
    let echoes = [try Echo(listeningAt: "\(path)_\(echoPort)"), try Echo(theirs)]
    let tap = bench.hasNetwork ? try Tap(tapName, waits: false) : nil
    try tap?.sendBack()
    let image = try bench.folder.file("guest-disk", count: BlockMeasures.imageSize)
    let share = try TemporaryFolder(in: bench.folder.path)
    _ = try share.file(GuestWork.sharedFile, count: GuestWork.sharedSize)
    var networks = [
      try NetworkInterface(host: .program(Number.network), macAddress: MACAddress("52:54:00:00:00:01"))
    ]
    var inherited = [(ours, Number.network)]
    if let tap {
      networks.append(
        try NetworkInterface(
          host: .tap(Number.tap, name: tapName), macAddress: MACAddress("52:54:00:00:00:02")))
      inherited.append((tap.number, Number.tap))
    }
    let description = try MachineDescription(
      kernel: .path(guest), commandLine: "n=\(count)",
      memory: 128 << 20, cpus: 2, disks: [Disk(path: image)],
      vsock: VirtioSocket(path: path), shares: [Share(path: share.path, tag: "bench", readOnly: false)],
      networks: networks, balloon: Balloon(amount: 0), timeline: true)
    let job = Job(
      name: "the guest throughput", arguments: [monitor, "--description-fd", "3"],
      description: description, inherited: inherited)
    let host = try HostTwin(disk: image, folder: share, hasNetwork: bench.hasNetwork)
    defer { withExtendedLifetime((echoes, tap)) {} }
    return try GuestMeasures(bench: bench, job: job, count: count, works: GuestWork.all(host)).series()
  }

  /// The times of one way to do the work, with the guest instructions where there are any.
  private struct Figures {
    var times: [Double] = []
    var instructions: [Double] = []
  }

  /// Guest and host take turns, and the host's works among each other, in an order drawn for each round; the guest has
  /// its own. The first round fills caches and is not counted.
  private func series() throws -> (guest: [Series], host: [Series], impossible: [String]) {
    var guest = works.map { _ in Figures() }
    var host = guest
    let rounds = max(1, bench.rounds / 2)
    let progress = ProgressLine(total: rounds + 1)
    for round in 0...rounds {
      progress.show("a bare guest", done: round)
      let turns = [true, false].shuffled(using: &bench.generator)
      for isGuests in turns {
        if isGuests {
          try runGuest(&guest, isCounted: round > 0)
        } else {
          for index in works.indices.shuffled(using: &bench.generator) {
            try runHost(index, &host, isCounted: round > 0)
          }
        }
      }
    }
    func series(_ figures: [Figures]) -> [Series] {
      zip(works, figures).filter { !$1.times.isEmpty }.map { work, figures in
        Series(
          work.name, .nanoseconds, figures.times,
          counters: figures.instructions.isEmpty ? nil : ["insn_emulation": figures.instructions],
          moving: work.bytes)
      }
    }
    return (series(guest), series(host), works.filter { !$0.isPossible }.map(\.name))
  }

  private func operations(_ work: GuestWork) -> Int { work.parts * min(count, work.limit) }

  private func runGuest(_ figures: inout [Figures], isCounted: Bool) throws {
    let marks = try job.run(within: limit).marks
    for (index, work) in works.enumerated() where work.isPossible {
      guard let begin = marks[16 + 2 * index], let end = marks[17 + 2 * index] else {
        throw Failure("the guest gives no time for \(work.name)")
      }
      guard isCounted else { continue }
      let operations = Double(operations(work))
      figures[index].times.append((end.seconds - begin.seconds) * 1e9 / operations)
      if let before = begin.instructions, let after = end.instructions {
        figures[index].instructions.append(Double(after - before) / operations)
      }
    }
  }

  private func runHost(_ index: Int, _ figures: inout [Figures], isCounted: Bool) throws {
    let work = works[index]
    guard work.isPossible, let body = work.host else { return }
    try work.prepare()
    let start = Clock.monotonicNanoseconds()
    try body(operations(work))
    let time = Clock.monotonicNanoseconds() - start
    if isCounted { figures[index].times.append(Double(time) / Double(operations(work))) }
  }
}
