import Bench
import DeviceFakes
import Devices
import GuestMemory

/// Requests in one queue of a fake driver, written once and made available again and again: what is timed is the device,
/// and as little of the driver as there can be.
final class Chains {
  let driver: FakeDriver
  private let queue: Int
  private var heads: [UInt16] = []
  private var next = 0
  /// The device's index of used requests once it is done.
  private var expected: UInt16 = 0

  init(_ driver: FakeDriver, queue: Int) throws {
    self.driver = driver
    self.queue = queue
    expected = try used()
  }

  private func used() throws -> UInt16 {
    try driver.memory.loadAcquire(at: GuestAddress(FakeDriver.used(queue) + 2))
  }

  /// Adds a request. All of them together fit into the queue.
  func add(_ buffers: [FakeDriver.Buffer]) throws { heads.append(try driver.writeChain(queue, buffers)) }

  /// Makes a request available, which the device is to use at once.
  func submit(_ index: Int, notifying: Bool = true) throws {
    try driver.makeAvailable(queue, heads[index % heads.count])
    expected &+= 1
    if notifying { driver.notify(queue) }
  }

  func submitEach(_ operations: Int) throws { for index in 0..<operations { try submit(index) } }

  /// Makes the next buffers available, for the device to use when it has something to put into them.
  func offer(_ count: Int) throws {
    for _ in 0..<count {
      try driver.makeAvailable(queue, heads[next])
      next = (next + 1) % heads.count
    }
  }

  /// Says that the device is to have used so many of the buffers on offer.
  func expect(_ count: Int) { expected &+= UInt16(count) }

  /// Whether the device has used everything that it is to use.
  func isDone() throws -> Bool { try used() == expected }

  func checkDone() throws {
    if let violation = driver.takeViolations().first { throw Failure("the driver is wrong: \(violation)") }
    guard try isDone() else { throw Failure("queue \(queue): not as much is used as was to be") }
  }
}
