import DeviceFakes
import Devices
import GuestMemory
import Testing

@Suite struct VsockTests {
  let guest = FakeGuestSockets()

  @Test func aGuestReachesAPortOfTheHost() throws {
    let stream = FakeStream()
    let (driver, _) = try guest.start(listening: [1024: stream])
    try driver.send(.request, host: 1024, guest: 50_000)
    #expect(try driver.receive()?.operation == .response)
    try driver.send(.data, host: 1024, guest: 50_000, data: Array("question".utf8))
    #expect(stream.written == Array("question".utf8))
    stream.toRead = Array("answer".utf8)
    stream.become(.read)
    let packet = try driver.receive()
    #expect(packet?.operation == .data)
    #expect(packet?.data == Array("answer".utf8))
    #expect(packet?.host == 1024)
    #expect(packet?.guest == 50_000)
  }

  @Test func nobodyListensOnAPort() throws {
    let (driver, _) = try guest.start()
    try driver.send(.request, host: 7, guest: 50_000)
    #expect(try driver.receive()?.operation == .reset)
    try driver.send(.data, host: 7, guest: 50_000, data: [1])
    #expect(try driver.receive()?.operation == .reset)
    try driver.send(.reset, host: 7, guest: 50_000)
    #expect(try driver.receive() == nil)
  }

  @Test func aHostReachesAPortOfTheGuest() throws {
    let (driver, device) = try guest.start()
    let stream = FakeStream()
    device.open(stream, toPort: 22)
    let request = try #require(try driver.receive())
    #expect(request.operation == .request)
    #expect(request.guest == 22)
    stream.toRead = [9]
    stream.become(.read)
    #expect(try driver.receive() == nil, "nothing may be sent before the guest has accepted")
    try driver.send(.response, host: request.host, guest: 22)
    #expect(stream.acceptedPort == request.host)
    #expect(try driver.receive()?.data == [9])

    let refused = FakeStream()
    device.open(refused, toPort: 23)
    let second = try #require(try driver.receive())
    #expect(second.host != request.host)
    try driver.send(.reset, host: second.host, guest: 23)
    #expect(refused.isClosed)
    #expect(refused.acceptedPort == nil)
  }

  @Test func noMoreIsSentThanTheGuestHasRoomFor() throws {
    let stream = FakeStream()
    let (driver, _) = try guest.start(listening: [1: stream])
    try driver.send(.request, host: 1, guest: 2, allocation: 10)
    #expect(try driver.receive()?.operation == .response)
    stream.toRead = Array(0..<25)
    stream.become(.read)
    #expect(try driver.receive()?.data == Array(0..<10))
    #expect(try driver.receive()?.operation == .creditRequest)
    #expect(try driver.receive() == nil)
    try driver.send(.creditUpdate, host: 1, guest: 2, allocation: 10, forwarded: 4)
    #expect(try driver.receive()?.data == Array(10..<14))
    #expect(try driver.receive()?.operation == .creditRequest)
    // A count that makes no sense leaves no room.
    try driver.send(.creditUpdate, host: 1, guest: 2, allocation: 10, forwarded: 15)
    #expect(try driver.receive()?.operation == .creditRequest)
    #expect(try driver.receive() == nil)
    try driver.send(.creditUpdate, host: 1, guest: 2, allocation: 100, forwarded: 14)
    #expect(try driver.receive()?.data == Array(14..<25))
  }

  @Test func aSlowHostHoldsTheGuestBack() throws {
    let stream = FakeStream()
    let (driver, _) = try guest.start(listening: [1: stream])
    try driver.send(.request, host: 1, guest: 2)
    let room = Int(try #require(try driver.receive()).allocation)
    stream.room = 100
    let data = (0..<room).map { UInt8(truncatingIfNeeded: $0) }
    try driver.send(.data, host: 1, guest: 2, data: Array(data[..<(room / 2)]))
    try driver.send(.data, host: 1, guest: 2, data: Array(data[(room / 2)...]))
    #expect(stream.written.count == 100)
    stream.room = Int.max
    stream.become(.write)
    #expect(stream.written == data)
    let update = try driver.receive()
    #expect(update?.operation == .creditUpdate)
    #expect(update?.forwarded == UInt32(room))
  }

  @Test func aGuestThatOverrunsItsCreditIsCutOff() throws {
    let stream = FakeStream()
    let (driver, _) = try guest.start(listening: [1: stream])
    try driver.send(.request, host: 1, guest: 2)
    let room = Int(try #require(try driver.receive()).allocation)
    stream.room = 0
    try driver.send(.data, host: 1, guest: 2, data: [UInt8](repeating: 1, count: room))
    #expect(try driver.receive() == nil)
    try driver.send(.data, host: 1, guest: 2, data: [2])
    #expect(try driver.receive()?.operation == .reset)
    // What was within the credit still arrives, then the end.
    stream.room = Int.max
    stream.become(.write)
    #expect(stream.written == [UInt8](repeating: 1, count: room))
    #expect(stream.isClosed)
  }

  @Test func eitherSideMayEndItsDirectionAlone() throws {
    let stream = FakeStream()
    let (driver, _) = try guest.start(listening: [1: stream])
    try driver.send(.request, host: 1, guest: 2)
    #expect(try driver.receive()?.operation == .response)
    stream.room = 0
    try driver.send(.data, host: 1, guest: 2, data: [1, 2, 3])
    try driver.send(.shutdown, host: 1, guest: 2, flags: 2)
    #expect(!stream.hasFinished, "bytes are still to be written")
    stream.room = Int.max
    stream.become(.write)
    #expect(stream.written == [1, 2, 3])
    #expect(stream.hasFinished)
    stream.toRead = [4]
    stream.become(.read)
    #expect(try driver.receive()?.data == [4])
    stream.atEnd = true
    stream.become(.read)
    let end = try driver.receive()
    #expect(end?.operation == .shutdown)
    #expect(end?.flags == 2)
    try driver.send(.shutdown, host: 1, guest: 2, flags: 3)
    #expect(try driver.receive()?.operation == .reset)
    #expect(stream.isClosed)
  }

  @Test func resetOfTheDeviceEndsEveryConnection() throws {
    let stream = FakeStream()
    let (driver, device) = try guest.start(listening: [1: stream])
    try driver.send(.request, host: 1, guest: 2)
    driver.write(FakeDriver.Register.status, 0)
    #expect(stream.isClosed)
    let late = FakeStream()
    device.open(late, toPort: 5)
    #expect(late.isClosed, "nobody could answer")
  }

  /// The guest was told that its bytes were taken.
  @Test func resetOfTheDeviceLosesNothingThatTheHostIsSlowToTake() throws {
    let stream = FakeStream()
    let (driver, _) = try guest.start(listening: [1: stream])
    try driver.send(.request, host: 1, guest: 2)
    stream.room = 1
    try driver.send(.data, host: 1, guest: 2, data: [1, 2, 3])
    driver.write(FakeDriver.Register.status, 0)
    #expect(!stream.isClosed)
    stream.room = Int.max
    stream.become(.write)
    #expect(stream.written == [1, 2, 3])
    #expect(stream.isClosed)
  }

  @Test func refusalsWaitInABoundedPlace() throws {
    let (driver, _) = try guest.start(receiveBuffers: 0)
    for port in 0..<120 { try driver.send(.data, host: 1, guest: UInt32(port), data: [0]) }
    let taken = try driver.takeUsed(1).count
    #expect(taken < 120)
    for _ in 0..<120 { try driver.offerBuffer() }
    #expect(try driver.receiveAll().count == 120)
  }

  /// More than are kept: those that wait are taken when the guest has fetched some, without another notification.
  @Test func refusalsOfManyPacketsAtOnceAllArrive() throws {
    let (driver, _) = try guest.start(receiveBuffers: 110)
    for port in 0..<100 {
      try driver.send(.data, host: 1, guest: UInt32(port), notifying: port == 99)
    }
    #expect(try driver.receiveAll().count == 100)
    #expect(try driver.takeUsed(1).count == 100)
  }

  @Test func connectionsThatTheGuestDropsAreGone() throws {
    let (driver, _) = try guest.start(receiveBuffers: 0)
    for port in 0..<2000 {
      try driver.send(.request, host: FakeListeners.crowd, guest: UInt32(port))
      try driver.send(.reset, host: FakeListeners.crowd, guest: UInt32(port))
      _ = try driver.takeUsed(1)
    }
    #expect(driver.listeners.alive == 0)
  }

  @Test(arguments: [0, 43]) func shortPacketsAreViolations(length: Int) throws {
    let (driver, _) = try guest.start()
    let buffers =
      length == 0 ? [driver.writable(1)] : [try driver.readable([UInt8](repeating: 0, count: length))]
    _ = try driver.submit(1, buffers)
    #expect(driver.takeViolations() == [.requestLayout])
  }
}
