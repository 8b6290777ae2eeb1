import DeviceFakes
import Devices
import GuestMemory
import Testing

/// Small queues, every order of a driver's steps, compared with a model of what must happen.
@Suite struct QueueModelTests {
  /// What a driver may do next.
  enum Step: CaseIterable {
    /// Make a chain of one buffer available.
    case one
    /// Make a chain of two available.
    case two
    /// The same two through an indirect table.
    case indirect
    /// Notify, if the device asks for it.
    case kick
    /// Take used chains and ask for an interrupt at the next.
    case reap
    /// Take used chains and ask for no interrupt.
    case reapQuietly
  }

  /// The rules of 2.7.7 and 2.7.10 in plain numbers that never wrap.
  struct Model {
    let size: Int
    let hasEventIndex: Bool
    var free: Int
    var available = 0
    var used = 0
    var reaped = 0
    var widths: [Int] = []
    /// The used index at which the driver wants an interrupt; nil for never.
    var wanted: Int?
    var interrupts = 0

    init(size: Int, hasEventIndex: Bool) {
      self.size = size
      self.hasEventIndex = hasEventIndex
      free = size
      wanted = 0
    }

    mutating func process() {
      guard used < available else { return }
      let old = used
      used = available
      if let wanted, hasEventIndex ? old <= wanted && wanted < used : true { interrupts += 1 }
    }
  }

  func run(_ steps: [Step], size: Int, without: UInt64, start: UInt16) throws {
    let driver = try FakeDriver(ConsoleDevice(output: FakeOutput(), size: nil))
    let hasEventIndex = without & FakeDriver.eventIndex == 0
    try driver.start(queues: 2, size: size, without: without)
    var model = Model(size: size, hasEventIndex: hasEventIndex)
    // Bring the rings near the wrap of their indices, one chain at a time.
    for _ in 0..<start {
      guard try driver.submit(1, [FakeDriver.Buffer(address: 0x5_0000, length: 1)]).count == 1 else {
        Issue.record("the device lost a chain on the way")
        return
      }
    }
    try driver.wantInterrupt(1, at: start, hasEventIndex)
    _ = driver.line.take()
    var heads: [UInt32] = []
    for step in steps {
      switch step {
      case .one, .two, .indirect:
        let width = step == .two ? 2 : 1
        guard model.free >= width else { continue }
        let buffers = [FakeDriver.Buffer](
          repeating: .init(address: 0x5_0000, length: 3), count: step == .one ? 1 : 2)
        let head =
          try step == .indirect && size > 1
          ? driver.writeIndirectChain(1, buffers) : driver.writeChain(1, Array(buffers.prefix(width)))
        heads.append(UInt32(head))
        try driver.makeAvailable(1, head)
        model.free -= width
        model.widths.append(width)
        model.available += 1
      case .kick:
        guard try driver.deviceWantsKick(1, model.available, since: model.used, hasEventIndex, start) else {
          #expect(model.used == model.available, "a chain waits and the device asks for no notification")
          continue
        }
        driver.notify(1)
        model.process()
      case .reap, .reapQuietly:
        let used = try driver.takeUsed(1)
        #expect(used.map(\.head) == Array(heads[model.reaped..<model.used]))
        for width in model.widths[model.reaped..<model.used] { model.free += width }
        model.reaped = model.used
        // With EVENT_IDX quiet is an index half a turn away.
        let isQuiet = step == .reapQuietly
        model.wanted = isQuiet ? (hasEventIndex ? model.used + 0x8000 : nil) : model.used
        try driver.wantInterrupt(
          1, at: start &+ UInt16(model.used) &+ (isQuiet ? 0x8000 : 0), hasEventIndex, isQuiet: isQuiet)
      }
      #expect(driver.line.count == model.interrupts)
    }
    #expect(driver.takeViolations().isEmpty)
  }

  /// All sequences of five steps, on queues of 1, 2 and 4, with and without each feature.
  @Test(arguments: [1, 2, 4], [0, FakeDriver.eventIndex])
  func everyOrderOfSteps(size: Int, without: UInt64) throws {
    let all = Step.allCases
    for number in 0..<7776 {
      var rest = number
      let steps = (0..<5).map { _ in
        defer { rest /= 6 }
        return all[rest % 6]
      }
      try run(steps, size: size, without: without, start: 0)
    }
  }

  /// The indices pass 65535 in the middle.
  @Test(arguments: [1, 2, 4], [0, FakeDriver.eventIndex])
  func indicesWrap(size: Int, without: UInt64) throws {
    let steps: [Step] = [
      .one, .kick, .reap, .one, .one, .kick, .reapQuietly, .two, .kick, .indirect, .kick, .reap, .one, .kick,
      .reap, .two, .indirect, .kick, .reap, .one, .kick,
    ]
    try run(steps, size: size, without: without, start: 65_533)
  }
}

extension FakeDriver {
  /// Says when the driver wants an interrupt: with EVENT_IDX at used index `index`, else always or never.
  func wantInterrupt(_ queue: Int, at index: UInt16, _ hasEventIndex: Bool, isQuiet: Bool = false) throws {
    let size = UInt64(size(queue))
    if hasEventIndex {
      try memory.store(index, at: GuestAddress(Self.available(queue) + 4 + 2 * size))
    } else {
      try memory.store(UInt16(isQuiet ? 1 : 0), at: GuestAddress(Self.available(queue)))
    }
  }

  /// Whether the device asks to be notified of the chains made available since it last looked.
  func deviceWantsKick(
    _ queue: Int, _ available: Int, since seen: Int, _ hasEventIndex: Bool, _ start: UInt16
  ) throws -> Bool {
    guard hasEventIndex else { return try memory.load(UInt16.self, at: GuestAddress(Self.used(queue))) == 0 }
    let size = UInt64(size(queue))
    let event = try memory.load(UInt16.self, at: GuestAddress(Self.used(queue) + 4 + 8 * size))
    let new = start &+ UInt16(available)
    return new &- event &- 1 < new &- (start &+ UInt16(seen))
  }
}
