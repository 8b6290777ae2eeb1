import Bench
import BenchSupport
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

  /// - Parameter count: how often the guest does each thing.
  static func measure(
    _ setting: Setting, _ bench: InProcess, count: Int, _ report: inout Report
  ) throws {
    let (path, tapName) = ("\(bench.folder.path)/guest", "benchguest")
    let (ours, theirs) = try UnixSocket.pair()
    defer { close(ours) }
    let echoes = [try Echo(listeningAt: "\(path)_\(echoPort)"), try Echo(theirs)]
    let tap = bench.hasNetwork ? try Tap(tapName, waits: false) : nil
    try tap?.sendBack()
    let image = try bench.folder.file("guest-disk", count: BlockMeasures.imageSize)
    let share = try Folder(in: bench.folder.path)
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
      kernel: .path("\(setting.guests)/throughput"), commandLine: "n=\(count)",
      memory: UInt64(Setting.mebibytes) << 20, cpus: 2, disks: [Disk(path: image)],
      vsock: VirtioSocket(path: path), shares: [Share(path: share.path, tag: "bench", readOnly: false)],
      networks: networks, balloon: Balloon(amount: 0), timeLimit: 60_000_000_000, timeline: true)
    let job = Job(
      name: "the guest throughput", arguments: [setting.monitor, "--description-fd", "3"],
      description: description, inherited: inherited)
    let host = try HostTwin(disk: image, folder: share, hasNetwork: bench.hasNetwork)
    try GuestMeasures(bench: bench, job: job, count: count, works: GuestWork.all(host)).table(&report)
    withExtendedLifetime((echoes, tap)) {}
  }

  /// The times of one way to do the work, with the guest instructions where there are any.
  private struct Figures {
    var times = Samples()
    var instructions = Samples()
  }

  /// Guest and host take turns; the first of them fills caches and is not counted.
  private func table(_ report: inout Report) throws {
    var guest = works.map { _ in Figures() }
    var host = guest
    let rounds = max(1, bench.rounds / 2)
    for round in 0...rounds {
      let marks = try job.run().marks
      for (index, work) in works.enumerated() where work.isPossible {
        guard let begin = marks[16 + 2 * index], let end = marks[17 + 2 * index] else {
          throw Failure("the guest gives no time for \(work.name)")
        }
        let operations = work.parts * min(count, work.limit)
        if round > 0 {
          guest[index].times.append((end.seconds - begin.seconds) * 1e6 / Double(operations))
          if let before = begin.instructions, let after = end.instructions {
            guest[index].instructions.append(Double(after - before) / Double(operations))
          }
        }
        guard let body = work.host else { continue }
        try work.prepare()
        let start = Clock.monotonicNanoseconds()
        try body(operations)
        let time = Clock.monotonicNanoseconds() - start
        if round > 0 { host[index].times.append(Double(time) / 1e3 / Double(operations)) }
      }
    }
    report.heading("From a bare guest, in µs (medians of \(rounds) interleaved rounds of \(count))")
    report.table(
      ["round trip", "guest", "host alone", "ratio", "guest instructions", "guest, MiB/s", "host, MiB/s"],
      works.indices.filter { works[$0].isPossible }.map { row(works[$0], guest[$0], host[$0].times.median) })
  }

  private func row(_ work: GuestWork, _ guest: Figures, _ host: Double) -> [String] {
    func rate(_ time: Double) -> String {
      work.bytes.map { fixed(Double($0) / time / 1.048576, 0) } ?? ""
    }
    let time = guest.times.median
    return [
      work.name, fixed(time, time < 10 ? 2 : 1), fixed(host, 2), fixed(time / host, time < 10 * host ? 2 : 0),
      fixed(guest.instructions.median, 0), rate(time), work.host == nil ? "" : rate(host),
    ]
  }
}
