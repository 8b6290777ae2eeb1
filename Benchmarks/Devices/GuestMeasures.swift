import BenchSupport
import Configuration
import Glibc
import LinuxSystem

/// Round trips of a bare guest, whose driver's own work counts: from before a request is written down until its answer
/// is found.
struct GuestMeasures {
  /// What the guest does between its marks 16 + 2 n and 17 + 2 n, and what a program of the host would do instead.
  private struct Kind {
    let name: String
    /// Bytes it moves, each way; nil where the time is what counts.
    var bytes: Int?
    var host: ((Int) throws -> Void)?
  }
  /// The descriptor of the guest's network in the monitor.
  private static let network: Int32 = 4

  private let bench: InProcess
  private let job: Job
  private let count: Int
  private let image: String

  /// - Parameter count: how often the guest does each thing.
  static func measure(
    _ setting: Setting, _ bench: InProcess, count: Int, _ report: inout Report
  ) throws {
    let path = "\(bench.folder.path)/guest"
    let (ours, theirs) = try UnixSocket.pair()
    defer { close(ours) }
    let socket = try Echo(listeningAt: "\(path)_5000")
    let network = try Echo(stream: theirs)
    let result = Result {
      try GuestMeasures(setting, bench, count: count, path: path, cable: ours).measure(&report)
    }
    socket.end()
    network.end()
    try result.get()
  }

  private init(_ setting: Setting, _ bench: InProcess, count: Int, path: String, cable: Int32) throws {
    image = try bench.folder.file("guest-disk", count: BlockMeasures.imageSize)
    let description = try MachineDescription(
      kernel: .path("\(setting.guests)/throughput"), commandLine: "n=\(count)",
      memory: UInt64(Setting.mebibytes) << 20, disks: [Disk(path: image)],
      vsock: VirtioSocket(path: path),
      networks: [NetworkInterface(host: .program(Self.network), macAddress: MACAddress("52:54:00:00:00:01"))],
      timeLimit: 60_000_000_000, timeline: true)
    job = Job(
      name: "the guest throughput", arguments: [setting.monitor, "--description-fd", "3"],
      description: description, inherited: [(cable, Self.network)])
    self.bench = bench
    self.count = count
  }

  private func measure(_ report: inout Report) throws {
    let buffer = try HostBuffer(count: 128 << 10)
    let file = try FileDescriptor(opening: image, O_RDONLY).release()
    let random = { (count: Int) in for _ in 0..<count { try buffer.random(64) } }
    var pipe: [Int32] = [0, 0]
    guard Glibc.pipe(&pipe) == 0 else { throw Failure("no pipe: error \(errno)") }
    let (ours, theirs) = try UnixSocket.pair()
    let echo = try Echo(stream: theirs)
    defer { for number in pipe + [file, ours] { close(number) } }
    func read(_ length: Int) -> (Int) throws -> Void {
      let places = Places(count: BlockMeasures.imageSize / length)
      return { for _ in 0..<$0 { try buffer.read(file, length, at: places.next() * length) } }
    }
    let kinds = [
      Kind(name: "an exit that does nothing (a write to a port)"),
      Kind(name: "block: read 4 KiB, looking for the answer", host: read(4096)),
      Kind(name: "block: read 4 KiB, asleep until the interrupt", host: read(4096)),
      Kind(name: "block: read 128 KiB", bytes: 128 << 10, host: read(128 << 10)),
      Kind(name: "block: read 4 × 128 KiB at once", bytes: 512 << 10) { try read(128 << 10)(4 * $0) },
      Kind(name: "vsock: 64 bytes to an echo and back") { try Self.echo(buffer, ours, 64, $0) },
      Kind(name: "vsock: 4 KiB to an echo and back", bytes: 4096) { try Self.echo(buffer, ours, 4096, $0) },
      Kind(name: "network, user mode: 64 bytes to an echo and back") { try Self.echo(buffer, ours, 68, $0) },
      Kind(name: "network, user mode: 1514 bytes to an echo and back", bytes: 1514) {
        try Self.echo(buffer, ours, 1518, $0)
      },
      Kind(name: "console: one byte out") { count in
        for _ in 0..<count { try buffer.write(pipe[1], 1) }
        try buffer.read(pipe[0], count)
      },
      Kind(name: "entropy: 64 bytes", host: random),
    ]
    let result = Result { try table(kinds, &report) }
    echo.end()
    try result.get()
  }

  private static func echo(_ buffer: HostBuffer, _ stream: Int32, _ length: Int, _ count: Int) throws {
    for _ in 0..<count {
      try buffer.write(stream, length)
      try buffer.read(stream, length)
    }
  }

  /// Guest and host take turns; the first of them fills caches and is not counted.
  private func table(_ kinds: [Kind], _ report: inout Report) throws {
    var guest = kinds.map { _ in Samples() }
    var instructions = guest
    var host = guest
    let rounds = max(1, bench.rounds / 2)
    for round in 0...rounds {
      let marks = try job.run().marks
      for (index, kind) in kinds.enumerated() {
        guard let begin = marks[16 + 2 * index], let end = marks[17 + 2 * index] else {
          throw Failure("the guest gives no time for \(kind.name)")
        }
        if round > 0 {
          guest[index].append((end.seconds - begin.seconds) * 1e6 / Double(count))
          if let before = begin.instructions, let after = end.instructions {
            instructions[index].append(Double(after - before) / Double(count))
          }
        }
        guard let body = kind.host else { continue }
        let start = Clock.monotonicNanoseconds()
        try body(count)
        let time = Clock.monotonicNanoseconds() - start
        if round > 0 { host[index].append(Double(time) / 1e3 / Double(count)) }
      }
    }
    report.heading("From a bare guest, in µs (medians of \(rounds) interleaved rounds of \(count))")
    report.table(
      ["round trip", "guest", "minimum", "guest instructions", "host alone", "guest, MiB/s"],
      zip(kinds.indices, kinds).map { index, kind in
        [
          kind.name, fixed(guest[index].median, 1), fixed(guest[index].minimum, 1),
          fixed(instructions[index].median, 0), fixed(host[index].median, 2),
          kind.bytes.map { fixed(Double($0) / guest[index].median / 1.048576, 0) } ?? "",
        ]
      })
  }
}
