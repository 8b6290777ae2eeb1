import Backends
import Devices
import Glibc
import GuestMemory
import LinuxSystem
import Testing

/// The other end of a cable, driven by hand.
final class StreamPeer {
  let socket: Int32

  init(_ socket: Int32) {
    self.socket = socket
    // Where nobody reads, the test fails rather than hangs.
    var patience = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }
  deinit { close(socket) }

  func write(_ bytes: [UInt8]) { #expect(Glibc.write(socket, bytes, bytes.count) == bytes.count) }

  /// All that is there now.
  func read() -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0 {
      all += buffer[..<count]
    }
    return all
  }

  static func framed(_ frame: [UInt8]) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: frame.count >> (24 - 8 * $0)) } + frame
  }
}

func pattern(_ count: Int, seed: Int = 0) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 8 &+ seed) }
}

/// Guest memory as a backend is given it.
struct GuestRoom {
  let memory: GuestMemory

  init() throws { memory = try GuestMemory(size: 4 << 20) }

  /// `count` bytes in pieces of several lengths.
  func slices(_ count: Int, at start: UInt64 = 0x1000) throws -> [GuestSlice] {
    var slices: [GuestSlice] = []
    var left = count
    var address = start
    while left > 0 {
      let part = min(left, 1 + slices.count * 977 % 3000)
      slices.append(try memory.slice(at: GuestAddress(address), count: UInt64(part)))
      address += UInt64(part) + 3
      left -= part
    }
    return slices
  }

  func holding(_ bytes: [UInt8]) throws -> [GuestSlice] {
    let slices = try slices(bytes.count, at: 0x20_0000)
    var place = 0
    for slice in slices {
      try memory.copyIn(Array(bytes[place..<place + slice.count]).span, to: slice)
      place += slice.count
    }
    return slices
  }

  /// The next frame; nil if there is none that fits.
  func frame(of backend: any NetBackend, room count: Int = NetDevice.frameLimit) throws -> [UInt8]? {
    let room = try slices(count)
    guard case .frame(let count, _) = backend.receive(into: room, of: memory) else { return nil }
    return Array(room.flatMap { memory.bytes($0) }.prefix(count))
  }
}

@Suite final class FrameSocketTests {
  let guest: GuestRoom
  var backend: FrameSocket
  let peer: StreamPeer
  let remainders = FrameRemainders()
  let end: FileDescriptor

  init() throws {
    signal(SIGPIPE, SIG_IGN)
    guest = try GuestRoom()
    var ends: [Int32] = [0, 0]
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    end = FileDescriptor(owning: ends[0])
    backend = try FrameSocket(duplicating: ends[0], goingOnWith: remainders)
    peer = StreamPeer(ends[1])
    backend.begin(leavingToGuest: [])
  }

  private func send(_ bytes: [UInt8]) throws -> Bool {
    backend.send(NetHeader(), try guest.holding(bytes), of: guest.memory)
  }

  /// Calls `body` with the backend in a loop, then once for each thing it reports.
  private func reports(_ body: @escaping (NetReadiness) -> Void, _ act: () throws -> Void) throws {
    let loop = try EventLoop()
    try backend.begin(on: loop, body)
    try act()
    let mailbox = loop.mailbox
    mailbox.post { loop in loop.later { loop.later { loop.stop() } } }
    try loop.run()
  }

  @Test func framesAreReadHoweverTheyArrive() throws {
    let frames = [pattern(60), pattern(1), pattern(1514, seed: 5), pattern(14, seed: 9)]
    let stream = frames.flatMap { StreamPeer.framed($0) }
    for byte in stream[..<200] { peer.write([byte]) }
    #expect(try guest.frame(of: backend) == frames[0])
    #expect(try guest.frame(of: backend) == frames[1])
    #expect(try guest.frame(of: backend) == nil)
    peer.write(Array(stream[200...]))
    #expect(try guest.frame(of: backend) == frames[2])
    #expect(try guest.frame(of: backend) == frames[3])
    #expect(try guest.frame(of: backend) == nil)
  }

  @Test func aFrameMayBeCutAnywhere() throws {
    let frame = pattern(100, seed: 3)
    let stream = StreamPeer.framed(frame)
    for cut in 1..<stream.count {
      peer.write(Array(stream[..<cut]))
      #expect(try guest.frame(of: backend) == nil)
      peer.write(Array(stream[cut...]))
      #expect(try guest.frame(of: backend) == frame, "cut at \(cut)")
    }
  }

  @Test func longFramesWrapAroundTheBuffer() throws {
    for index in 0..<12 {
      let frame = pattern(NetDevice.frameLimit - index * 3001, seed: index)
      let stream = StreamPeer.framed(frame)
      peer.write(Array(stream.prefix(40_001)))
      if stream.count > 40_001 { #expect(try guest.frame(of: backend) == nil) }
      peer.write(Array(stream.dropFirst(40_001)))
      #expect(try guest.frame(of: backend) == frame)
    }
  }

  @Test func aFrameThatDoesNotFitStays() throws {
    peer.write(StreamPeer.framed(pattern(200)) + StreamPeer.framed(pattern(50)))
    let room = try guest.slices(199)
    guard case .tooLong(200) = backend.receive(into: room, of: guest.memory) else {
      Issue.record("it fits")
      return
    }
    #expect(try guest.frame(of: backend, room: 200) == pattern(200))
    guard case .tooLong(50) = backend.receive(into: try guest.slices(49), of: guest.memory) else {
      Issue.record("it fits")
      return
    }
    backend.dropFrame()
    #expect(try guest.frame(of: backend) == nil)
  }

  @Test(arguments: [0, NetDevice.frameLimit + 1, 1 << 31, 0xFFFF_FFFF])
  func aLengthThatCannotBeEndsTheConnection(_ length: Int) throws {
    var seen: [NetReadiness] = []
    let prefix = (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) }
    peer.write(StreamPeer.framed(pattern(20)) + prefix + pattern(70))
    try reports({ seen.append($0) }) { () throws in
      #expect(try guest.frame(of: backend) == pattern(20))
      #expect(try guest.frame(of: backend) == nil)
      #expect(try guest.frame(of: backend) == nil)
    }
    #expect(seen.filter { $0 == .gone }.count == 1)
    #expect(try send(pattern(60)), "what is sent from then on is dropped")
    backend.flush()
    #expect(peer.read() == [])
  }

  @Test func framesAreSentBehindTheirLength() throws {
    let frames = [60, 14, 1514, 8192, 9000, NetDevice.frameLimit, 100].map { pattern($0, seed: $0) }
    for frame in frames { #expect(try send(frame)) }
    backend.flush()
    #expect(peer.read() == frames.flatMap { StreamPeer.framed($0) })
  }

  @Test func aSlowPeerGetsEveryFrameWhole() throws {
    var buffer: Int32 = 8192
    setsockopt(peer.socket, SOL_SOCKET, SO_SNDBUF, &buffer, 4)
    var sent: [UInt8] = []
    var received: [UInt8] = []
    var refused = 0
    for index in 0..<60 {
      let frame = pattern([20_000, 60, NetDevice.frameLimit, 1514][index % 4], seed: index)
      var tries = 0
      while try !send(frame) {
        refused += 1
        tries += 1
        try #require(tries < 1000)
        var part = [UInt8](repeating: 0, count: 7001)
        let count = recv(peer.socket, &part, part.count, Int32(MSG_DONTWAIT))
        if count > 0 { received += part[..<count] }
        backend.flush()
      }
      // What the guest does to its memory afterwards changes nothing.
      _ = try guest.holding([UInt8](repeating: 0xEE, count: frame.count))
      sent += StreamPeer.framed(frame)
    }
    for _ in 0..<100 {
      backend.flush()
      received += peer.read()
    }
    #expect(refused > 0)
    #expect(received == sent)
  }

  @Test func aPeerThatIsGoneIsToldOnce() throws {
    var seen: [NetReadiness] = []
    peer.write(StreamPeer.framed(pattern(33)) + [0, 0])
    shutdown(peer.socket, Int32(SHUT_RDWR))
    try reports({ seen.append($0) }) { () throws in
      #expect(try guest.frame(of: backend) == pattern(33), "what came before is not lost")
      #expect(try guest.frame(of: backend) == nil)
      #expect(try guest.frame(of: backend) == nil)
      #expect(try send(pattern(9000)))
    }
    #expect(seen.filter { $0 == .gone }.count == 1)
  }

  @Test func theLoopTellsOfFramesAndOfRoom() throws {
    var seen: NetReadiness = []
    peer.write(StreamPeer.framed(pattern(33)))
    try reports({ seen.formUnion($0) }) {}
    #expect(seen == [.receive, .transmit])
  }

  @Test func theNextMachineGoesOnInTheMiddleOfAFrame() throws {
    var buffer: Int32 = 8192
    setsockopt(end.raw, SOL_SOCKET, SO_SNDBUF, &buffer, 4)
    let sent = pattern(NetDevice.frameLimit, seed: 1)
    #expect(try send(sent))
    let stream = StreamPeer.framed(pattern(700, seed: 2))
    peer.write(Array(stream[..<300]))
    #expect(try guest.frame(of: backend) == nil)
    backend = try FrameSocket(duplicating: end.raw, goingOnWith: FrameRemainders())
    // As it comes to the process of the next machine.
    let encoded = remainders.encode()
    for count in 0..<encoded.count { _ = FrameRemainders(decoding: Array(encoded[..<count])) }
    let handedOver = FrameRemainders(decoding: encoded)
    #expect(handedOver.encode() == encoded)
    backend = try FrameSocket(duplicating: end.raw, goingOnWith: handedOver)
    backend.begin(leavingToGuest: [])
    peer.write(Array(stream[300...]))
    #expect(try guest.frame(of: backend) == pattern(700, seed: 2))
    var received: [UInt8] = []
    for _ in 0..<200 {
      received += peer.read()
      backend.flush()
    }
    #expect(received == StreamPeer.framed(sent))
  }
}
