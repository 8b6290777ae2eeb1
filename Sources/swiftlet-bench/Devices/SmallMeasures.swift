import Backends
import Bench
import DeviceFakes
import Devices
import GuestMemory
import LinuxSystem

/// Console, entropy and balloon.
enum SmallMeasures {
  static func measure(_ bench: InProcess, _ findings: inout DeviceFindings) throws {
    findings.add([
      try console(bench, 1), try console(bench, 64), try console(bench, 4096),
      try consoleInput(bench, 1), try consoleInput(bench, 4096),
      try entropy(bench, 64), try entropy(bench, 4096),
      try balloon(bench, "256 neighbouring pages", Array(0..<256), runs: 1),
      try balloon(bench, "256 scattered pages", stride(from: 0, to: 512, by: 2).map { $0 }, runs: 256),
    ])
  }

  // MARK: Console

  private final class PipeOutput: ConsoleOutput {
    private let sink: ConsoleSink

    init(_ number: Int32) throws {
      sink = try ConsoleSink(number) { standardError("the console's output is gone: \($0)" + "\n") }
    }

    func write(_ slices: [GuestSlice], of memory: GuestMemory) -> Int { sink.write(slices, of: memory) }
  }

  private static func console(_ bench: InProcess, _ length: Int) throws -> SideBySide.Result {
    // Unlike a pipe, a socket takes many short writes before it is full.
    let (ours, theirs) = try UnixSocket.pair()
    defer { for number in [ours, theirs] { _ = FileDescriptor(owning: number) } }
    let device = ConsoleDevice(output: try PipeOutput(ours), size: nil)
    let driver = try FakeDriver(device)
    try driver.start(queues: 2)
    let chains = try Chains(driver, queue: 1)
    try chains.add([driver.readable([UInt8](repeating: 65, count: length))])
    let buffer = try HostBuffer(count: 1 << 16)
    let drain = { buffer.drain(theirs) }
    let result = try bench.measure(
      SideBySide(
        name: "console: \(length) byte\(length == 1 ? "" : "s") out", operations: 16, bytes: length,
        device: Way(prepare: drain) { try chains.submitEach(16) },
        host: Way(prepare: drain) { for _ in 0..<16 { try buffer.write(ours, length) } }))
    try chains.checkDone()
    return result
  }

  /// As many pieces lie there as the driver has buffers.
  private static func consoleInput(_ bench: InProcess, _ length: Int) throws -> SideBySide.Result {
    let (batch, queue) = (8, 0)
    let (ours, theirs) = try UnixSocket.pair()
    defer { for number in [ours, theirs] { _ = FileDescriptor(owning: number) } }
    let source = try ConsoleSource(ours)
    let device = ConsoleDevice(output: try PipeOutput(ours), size: nil)
    let driver = try FakeDriver(device)
    try driver.start(queues: 2)
    let chains = try Chains(driver, queue: queue)
    for _ in 0..<batch { try chains.add([driver.writable(length)]) }
    let buffer = try HostBuffer(count: 1 << 16)
    let fill = { try buffer.write(theirs, batch * length) }
    let result = try bench.measure(
      SideBySide(
        name: "console: \(length) byte\(length == 1 ? "" : "s") in", operations: batch, bytes: length,
        device: Way(prepare: {
          try fill()
          try chains.offer(batch)
        }) {
          for _ in 0..<batch {
            guard case .bytes(let bytes) = source.read(upTo: length), device.input(bytes) == length else {
              throw Failure("the console does not take its input")
            }
          }
          chains.expect(batch)
        },
        host: Way(prepare: fill) { for _ in 0..<batch { try buffer.read(ours, length) } }))
    try chains.checkDone()
    return result
  }

  // MARK: Entropy

  private static func entropy(_ bench: InProcess, _ length: Int) throws -> SideBySide.Result {
    let driver = try FakeDriver(EntropyDevice(source: HostEntropy()))
    try driver.start()
    let chains = try Chains(driver, queue: 0)
    try chains.add([driver.writable(length)])
    let buffer = try HostBuffer(count: length)
    let result = try bench.measure(
      SideBySide(
        name: "entropy: \(length) bytes, beside getrandom", operations: 16, bytes: length,
        device: Way { try chains.submitEach(16) },
        host: Way { for _ in 0..<16 { try buffer.random(length) } }))
    try chains.checkDone()
    return result
  }

  // MARK: Balloon

  /// - Parameter runs: how many stretches of neighbours the pages are.
  private static func balloon(
    _ bench: InProcess, _ name: String, _ pages: [Int], runs: Int
  ) throws -> SideBySide.Result {
    let first = (2 << 20) / 4096
    let device = BalloonDevice(
      pages: 0, options: [], host: ReleasedMemory { standardError("memory stays: \($0)" + "\n") })
    let driver = try FakeDriver(device)
    try driver.start(queues: 2)
    let chains = try Chains(driver, queue: 0)
    var numbers: [UInt8] = []
    for page in pages { numbers.put(UInt32(first + page)) }
    try chains.add([driver.readable(numbers)])
    let buffer = try HostBuffer(count: 512 << 12)
    let result = try bench.measure(
      SideBySide(
        name: "balloon: inflate by \(name), each page, beside madvise", operations: pages.count,
        device: Way(prepare: {
          for page in pages {
            try driver.memory.store(UInt8(1), at: GuestAddress(UInt64(first + page) << 12))
          }
        }) { try chains.submit(0) },
        host: Way(prepare: { buffer.touch() }) {
          if runs == 1 { return try buffer.release(page: pages[0], pages: pages.count) }
          for page in pages { try buffer.release(page: page) }
        }))
    try chains.checkDone()
    return result
  }
}
