import DeviceFakes
import Devices
import Testing

/// The control queues of a console with named ports.
@Suite struct ConsoleControlTests {
  typealias Message = PortDriver.Message

  @Test func aPlainConsoleOffersNoPorts() throws {
    let plain = ConsoleDevice(output: FakeOutput(), size: nil)
    let driver = try FakeDriver(plain)
    #expect(driver.offeredFeatures & 2 == 0)
    #expect(plain.identity.queueSizes == [8, 64])
    #expect(driver.bus.read(address: FakeDriver.window + 0x104, width: .double) == 1)
    let ports = try PortDriver()
    #expect(ports.driver.offeredFeatures & 2 == 2)
    #expect(ports.device.identity.queueSizes.count == 8)
    #expect(ports.driver.bus.read(address: FakeDriver.window + 0x104, width: .double) == 3)
  }

  @Test func portsAreAddedNamedAndOpened() throws {
    let ports = try PortDriver()
    try ports.start()
    #expect(try ports.messages() == [])
    try ports.send(.deviceReady, .max)
    #expect(try ports.messages() == [Message(.add, 0), Message(.add, 1), Message(.add, 2)])
    try ports.send(.ready, 1)
    #expect(try ports.messages() == [Message(.name, 1, 1, Array("data".utf8))])
    try ports.send(.ready, 0)
    #expect(try ports.messages() == [Message(.console, 0)])
    // A program of the host that connects before its port is ready waits.
    let peer = FakeStream()
    ports.hosts[1].connect(peer)
    #expect(try ports.messages() == [])
    try ports.send(.ready, 2)
    #expect(try ports.messages() == [Message(.name, 2, 1, Array("log".utf8)), Message(.open, 2)])
    ports.hosts[0].connect(FakeStream())
    #expect(try ports.messages() == [Message(.open, 1)])
    peer.atEnd = true
    peer.become([.read, .write, .hungUp])
    #expect(try ports.messages() == [Message(.open, 2, 0)])
    #expect(peer.isClosed)
    #expect(ports.driver.takeViolations().isEmpty)
  }

  @Test func withoutAConsoleOnlyNamedPortsExist() throws {
    let ports = try PortDriver(hasConsole: false)
    try ports.start()
    try ports.send(.deviceReady, .max)
    #expect(try ports.messages() == [Message(.add, 1), Message(.add, 2)])
    try ports.send(.ready, 0)
    #expect(try ports.messages() == [])
    #expect(ports.driver.takeViolations() == [.controlMessage])
    // Its queues are there all the same.
    #expect(try ports.write(0, "lost") == 1)
  }

  @Test func aDriverWithoutTheFeatureHasAConsole() throws {
    let ports = try PortDriver(size: ConsoleSize(columns: 80, rows: 25))
    ports.hosts[0].connect(FakeStream())
    try ports.start(without: 2)
    try ports.send(.deviceReady, .max)
    #expect(try ports.messages() == [])
    #expect(try ports.write(0, "out") == 1)
    #expect(ports.output.text == "out")
    #expect(ports.device.input(Array("in".utf8)) == 2)
    try ports.offer(0)
    #expect(try ports.input(0) == Array("in".utf8))
    _ = try ports.write(1, "nowhere")
    #expect(ports.driver.line.take() > 0)
    #expect(ports.driver.read(FakeDriver.Register.interruptStatus) & 2 == 2)
    #expect(ports.driver.takeViolations().isEmpty)
  }

  @Test func sizesGoByMessagesWhereThereAreAny() throws {
    let ports = try PortDriver(size: ConsoleSize(columns: 132, rows: 43))
    try ports.start()
    try ports.send(.deviceReady, .max)
    for port in 0..<3 { try ports.send(.ready, UInt32(port)) }
    _ = try ports.messages()
    ports.device.resize(to: ConsoleSize(columns: 80, rows: 25))
    #expect(try ports.messages() == [])
    try ports.send(.open, 0)
    #expect(try ports.messages() == [Message(.resize, 0, 0, [80, 0, 25, 0])])
    _ = try ports.write(0, "x")
    ports.device.resize(to: ConsoleSize(columns: 300, rows: 2))
    #expect(try ports.messages() == [Message(.resize, 0, 0, [44, 1, 2, 0])])
    #expect(ports.driver.bus.read(address: FakeDriver.window + 0x100, width: .double) == 2 << 16 | 300)
    // Nobody is told by the configuration space.
    #expect(ports.driver.read(FakeDriver.Register.interruptStatus) == 1)
  }

  @Test func inputOfTheConsoleWaitsUntilItIsOpen() throws {
    let ports = try PortDriver()
    try ports.start()
    try ports.offer(0)
    #expect(ports.device.input(Array("early".utf8)) == 5)
    #expect(try ports.input(0) == [])
    try ports.send(.deviceReady, .max)
    try ports.send(.ready, 0)
    try ports.send(.open, 0)
    #expect(try ports.input(0) == Array("early".utf8))
  }

  @Test func messagesThatMeanNothingAreToldOnceAndIgnored() throws {
    let ports = try PortDriver()
    try ports.start()
    try ports.send(.ready, 3)
    #expect(ports.driver.takeViolations() == [.controlMessage])
    try ports.send(.open, .max)
    for event: PortDriver.Event in [.add, .remove, .console, .resize, .name] { try ports.send(event, 1) }
    try ports.send(8, 1, 1)
    try ports.send(.max, 1, 1)
    try ports.send(.ready, 1, 2)
    try ports.send(.open, 1, .max)
    #expect(ports.driver.takeViolations().isEmpty)
    #expect(try ports.messages() == [])
    // What failed in the driver is no violation, and has no answer.
    try ports.send(.deviceReady, .max, 0)
    try ports.send(.ready, 1, 0)
    #expect(try ports.messages() == [])
    try ports.send(.deviceReady, .max)
    #expect(try ports.messages().count == 3)
    #expect(ports.driver.status == 15)
  }

  @Test(arguments: [0, 3, 6], [2, .max] as [UInt16]) func aValueIsYesOrNo(event: UInt16, value: UInt16) throws
  {
    let ports = try PortDriver()
    try ports.start()
    try ports.send(event, 1, value)
    #expect(ports.driver.takeViolations() == [.controlMessage])
    #expect(try ports.messages() == [])
  }

  @Test(arguments: 1..<8) func aMessageTooShortNeedsAReset(count: Int) throws {
    let ports = try PortDriver()
    try ports.start()
    try ports.sendBytes([UInt8](repeating: 0, count: count))
    #expect(ports.driver.takeViolations() == [.requestLayout])
    #expect(ports.driver.status & 64 != 0)
    try ports.startAndAdd()
    #expect(ports.driver.status == 15)
  }

  @Test(arguments: [1, 7, 11]) func aBufferTooSmallForAMessageNeedsAReset(size: Int) throws {
    let ports = try PortDriver()
    try ports.start(buffers: 0)
    for _ in 0..<4 { try ports.offerControl(size) }
    try ports.send(.deviceReady, .max)
    try ports.send(.ready, 1)
    #expect(ports.driver.takeViolations() == [.requestLayout])
  }

  /// However much is asked for, what is owed is a message of each kind for each port.
  @Test func aFloodWithoutBuffersIsOwedNoMoreThanItsLast() throws {
    let ports = try PortDriver()
    try ports.start(buffers: 0)
    let peer = FakeStream()
    ports.hosts[0].connect(peer)
    for _ in 0..<5000 {
      try ports.send(.deviceReady, .max)
      for port in 0..<3 { try ports.send(.ready, UInt32(port)) }
      try ports.send(.open, 1)
      try ports.send(.open, 1, 0)
    }
    for _ in 0..<8 { try ports.offerControl() }
    #expect(
      try ports.messages() == [
        Message(.console, 0), Message(.name, 1, 1, Array("data".utf8)), Message(.open, 1),
        Message(.name, 2, 1, Array("log".utf8)),
      ])
    #expect(ports.driver.takeViolations().isEmpty)
  }

  /// Linux does so when it wakes from a sleep: it knows its ports.
  @Test func aPortMayBeReadyWithoutBeingAdded() throws {
    let ports = try PortDriver()
    ports.hosts[0].connect(FakeStream())
    try ports.start()
    try ports.send(.ready, 1)
    #expect(try ports.messages() == [Message(.name, 1, 1, Array("data".utf8)), Message(.open, 1)])
    try ports.send(.deviceReady, .max)
    #expect(try ports.messages() == [Message(.add, 0), Message(.add, 2)])
  }
}

/// The bytes of named ports.
@Suite struct NamedPortTests {
  typealias Message = PortDriver.Message

  private func opened(_ peer: FakeStream) throws -> PortDriver {
    let ports = try PortDriver()
    try ports.startAndAdd()
    ports.hosts[0].connect(peer)
    try ports.send(.open, 1)
    #expect(try ports.messages() == [Message(.open, 1)])
    return ports
  }

  @Test func bytesPassBothWays() throws {
    let peer = FakeStream()
    let ports = try opened(peer)
    #expect(try ports.write(1, "to the host") == 1)
    #expect(peer.written == Array("to the host".utf8))
    peer.toRead = Array("to the guest".utf8)
    peer.become(.read)
    #expect(peer.toRead.count == 12)
    try ports.offer(1, 5)
    try ports.offer(1, 50)
    #expect(try ports.input(1) == Array("to the guest".utf8))
    #expect(try ports.write(0, "console") == 1)
    #expect(ports.output.text == "console")
    #expect(ports.driver.takeViolations().isEmpty)
  }

  @Test func aSlowPeerHoldsBackItsOwnPortOnly() throws {
    let peer = FakeStream()
    let ports = try opened(peer)
    let other = FakeStream()
    ports.hosts[1].connect(other)
    peer.room = 3
    #expect(try ports.write(1, "abcdef") == 0)
    #expect(try ports.write(1, "gh") == 0)
    #expect(try ports.write(2, "other") == 1)
    #expect(try ports.write(0, "console") == 1)
    #expect(other.written == Array("other".utf8))
    peer.room = 4
    peer.become(.write)
    #expect(peer.written == Array("abcdefg".utf8))
    #expect(try ports.driver.takeUsed(PortDriver.transmit(1)).count == 1)
    peer.room = .max
    peer.become(.write)
    #expect(peer.written == Array("abcdefgh".utf8))
    #expect(try ports.driver.takeUsed(PortDriver.transmit(1)).count == 1)
  }

  @Test func withoutAPeerBuffersComeBackUnread() throws {
    let ports = try PortDriver()
    try ports.startAndAdd()
    try ports.send(.open, 1)
    #expect(try ports.write(1, "nobody") == 1)
    let peer = FakeStream()
    ports.hosts[0].connect(peer)
    #expect(try ports.write(1, "somebody") == 1)
    #expect(peer.written == Array("somebody".utf8))
  }

  /// The rest of what was meant for one peer is not the next one's.
  @Test func theNextPeerStartsAfresh() throws {
    let first = FakeStream()
    let ports = try opened(first)
    let second = FakeStream()
    ports.hosts[0].connect(second)
    first.room = 2
    #expect(try ports.write(1, "first") == 0)
    #expect(try ports.write(1, "more") == 0)
    first.atEnd = true
    first.become([.read, .write, .hungUp])
    #expect(first.written == Array("fi".utf8))
    #expect(try ports.driver.takeUsed(PortDriver.transmit(1)).count == 2)
    #expect(try ports.messages() == [Message(.open, 1, 0), Message(.open, 1)])
    #expect(try ports.write(1, "second") == 1)
    #expect(second.written == Array("second".utf8))
  }

  /// A peer leaves when the guest has what it sent, and the driver sees it go before the next one comes.
  @Test func whatAPeerSentBeforeItLeftIsDelivered() throws {
    let peer = FakeStream()
    let ports = try PortDriver()
    try ports.startAndAdd()
    peer.toRead = Array("last words".utf8)
    peer.atEnd = true
    ports.hosts[0].connect(peer)
    ports.hosts[0].connect(FakeStream())
    #expect(try ports.messages() == [Message(.open, 1)])
    try ports.offer(1, 4)
    peer.become([.read, .write, .hungUp])
    #expect(try ports.messages() == [])
    #expect(try ports.input(1) == [])
    try ports.send(.open, 1)
    #expect(try ports.input(1) == Array("last".utf8))
    #expect(try ports.messages() == [])
    try ports.offer(1, 40)
    #expect(try ports.input(1) == Array(" words".utf8))
    #expect(try ports.messages() == [Message(.open, 1, 0), Message(.open, 1)])
  }

  @Test func aPeerThatLeavesBeforeTheDriverKnowsIsNotTold() throws {
    let ports = try PortDriver()
    try ports.start(buffers: 0)
    try ports.send(.ready, 1)
    let peer = FakeStream()
    ports.hosts[0].connect(peer)
    peer.atEnd = true
    peer.become([.read, .hungUp])
    #expect(peer.isClosed)
    #expect(ports.hosts[0].isAwaiting)
    for _ in 0..<4 { try ports.offerControl() }
    #expect(try ports.messages() == [Message(.name, 1, 1, Array("data".utf8))])
  }

  /// Who has only said that it sends no more still gets what the guest answers.
  @Test func halfAConnectionStaysOpen() throws {
    let peer = FakeStream()
    let ports = try opened(peer)
    peer.toRead = Array("question".utf8)
    peer.atEnd = true
    peer.become(.read)
    for _ in 0..<3 { try ports.offer(1) }
    #expect(try ports.input(1) == Array("question".utf8))
    #expect(try ports.messages() == [])
    #expect(try ports.write(1, "answer") == 1)
    #expect(peer.written == Array("answer".utf8))
    peer.become([.read, .write, .hungUp])
    #expect(try ports.messages() == [Message(.open, 1, 0)])
  }

  @Test func aPortThatNoProgramHasOpenGetsNothing() throws {
    let peer = FakeStream()
    let ports = try opened(peer)
    try ports.send(.open, 1, 0)
    peer.toRead = Array("later".utf8)
    peer.become(.read)
    try ports.offer(1)
    #expect(try ports.input(1) == [])
    try ports.send(.open, 1)
    #expect(try ports.input(1) == Array("later".utf8))
  }

  @Test func aResetEndsTheConnection() throws {
    let peer = FakeStream()
    let ports = try opened(peer)
    peer.room = 1
    #expect(try ports.write(1, "abc") == 0)
    let second = FakeStream()
    ports.hosts[0].connect(second)
    ports.driver.write(FakeDriver.Register.status, 0)
    #expect(peer.isClosed)
    #expect(!ports.hosts[0].isAwaiting)
    try ports.startAndAdd()
    #expect(!second.isClosed)
    #expect(try ports.write(1, "new") == 1)
    #expect(second.written == Array("new".utf8))
    #expect(peer.written == Array("a".utf8))
  }

  @Test func aPortWithoutReceiveBuffersOrQueuesHarmsNobody() throws {
    let ports = try PortDriver()
    ports.driver.negotiate()
    for queue in [0, 1, 3] { try ports.driver.setUpQueue(queue) }
    ports.driver.write(FakeDriver.Register.status, 15)
    for port in 0..<3 { try ports.send(.ready, UInt32(port)) }
    let peer = FakeStream()
    ports.hosts[0].connect(peer)
    peer.atEnd = true
    peer.become([.read, .write, .hungUp])
    for queue in 0..<8 { ports.driver.notify(queue) }
    #expect(ports.driver.takeViolations().isEmpty)
    try ports.startAndAdd()
    #expect(ports.driver.status == 15)
  }
}
