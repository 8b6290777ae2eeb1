import DeviceFakes
import Devices
import Testing

/// Drivers made up at random, the same ones each time: the device never traps and works after the next reset.
@Suite struct RandomDriverTests {
  private func scripts(_ count: Int, seed: UInt64) -> [[UInt8]] {
    var state = seed
    return (0..<count).map { _ in
      (0..<300).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
      }
    }
  }

  private func run(_ bytes: [UInt8], _ device: any VirtioDevice, queues: Int) throws -> FakeDriver {
    let driver = try FakeDriver(device)
    var script = Script([0] + bytes)
    var scripted = ScriptedDriver(driver, queues: queues)
    try scripted.run(&script)
    try driver.start(queues: queues)
    _ = driver.takeViolations()
    return driver
  }

  @Test func entropy() throws {
    for script in scripts(500, seed: 1) {
      let driver = try run(script, EntropyDevice(source: FakeEntropy()), queues: 1)
      #expect(try driver.submit(0, [driver.writable(8)]) == [.init(head: 0, written: 8)])
    }
  }

  @Test func console() throws {
    for script in scripts(500, seed: 2) {
      let output = FakeOutput()
      let device = ConsoleDevice(output: output, size: ConsoleSize(columns: 80, rows: 25))
      let driver = try run(script, device, queues: 2)
      #expect(try driver.submit(1, [driver.readable([1, 2, 3])]).count == 1)
      #expect(output.bytes.suffix(3) == [1, 2, 3])
    }
  }

  @Test func block() throws {
    for script in scripts(500, seed: 3) {
      let store = FakeStore(sectors: 8)
      let driver = try run(script, BlockDevice(store: store), queues: 1)
      let header = [UInt8](repeating: 0, count: 16)
      let data = driver.writable(512)
      let status = driver.writable(1)
      #expect(
        try driver.submit(0, [driver.readable(header), data, status]) == [.init(head: 0, written: 513)])
      #expect(try driver.bytes(data) == Array(store.bytes.prefix(512)))
      #expect(try driver.bytes(status) == [0])
    }
  }
}
