import Backends
import Devices
import Foundation
import Glibc
import GuestMemory
import LinuxSystem
import Synchronization
import Testing

/// The sockets of named ports, with clients of the test's own.
@Suite struct PortSocketTests {
  let folder: TemporaryFolder
  let path: String
  let loop: EventLoop
  let memory: GuestMemory

  init() throws {
    signal(SIGPIPE, SIG_IGN)
    folder = try TemporaryFolder()
    path = folder.path + "/port"
    loop = try EventLoop()
    memory = try GuestMemory(size: 4 << 20)
  }

  private func slice(_ count: Int) throws -> GuestSlice {
    try memory.slice(at: GuestAddress(0), count: UInt64(count))
  }

  /// What the stream has to read, at most `count` bytes.
  private func read(_ stream: any HostStream, _ count: Int = 4096) throws -> [UInt8]? {
    let slice = try slice(count)
    guard case .bytes(let got) = stream.read(into: [slice], of: memory) else { return nil }
    return Array(memory.bytes(slice).prefix(got))
  }

  @Test func nothingOfAnotherIsReplacedAndTheSocketIsRemoved() throws {
    _ = try folder.file("port", [1])
    var error = #expect(throws: SystemError.self) { try PortSocket(path: path) }
    #expect(error?.code == EEXIST)
    #expect(try folder.contents("port") == [1])
    unlink(path)
    let first = try PortSocket(path: path)
    error = #expect(throws: SystemError.self) { try PortSocket(path: path) }
    #expect(error?.code == EADDRINUSE)
    withExtendedLifetime(first) {}
  }

  @Test func theSocketOfADeadMonitorIsReplacedAndOursRemoved() throws {
    // Closed, and not removed.
    _ = try UnixSocket.listening(at: path)
    #expect(access(path, F_OK) == 0)
    do {
      let socket = try PortSocket(path: path)
      #expect(access(path, F_OK) == 0)
      withExtendedLifetime(socket) {}
    }
    #expect(access(path, F_OK) != 0)
  }

  /// A machine that is there already hears nothing of another that wants its socket.
  @Test func whoWantsASocketThatIsInUseIsNoPeer() throws {
    let socket = try PortSocket(path: path)
    try socket.begin(on: loop)
    let error = #expect(throws: SystemError.self) { try VsockSocket(path: path) }
    #expect(error?.code == EADDRINUSE)
    socket.awaitPeer { _ in Issue.record("nobody has connected") }
    withExtendedLifetime(socket) {}
  }

  @Test func whatTookTheNameOverStays() throws {
    var first: PortSocket? = try PortSocket(path: path)
    unlink(path)
    let second = try PortSocket(path: path)
    withExtendedLifetime(first) {}
    first = nil
    _ = try UnixSocket.connected(to: path)
    unlink(path)
    _ = try folder.file("port", [1])
    _ = consume second
    #expect(try folder.contents("port") == [1])
  }

  /// Nothing is replaced while somebody else is at it.
  @Test func aSocketIsReplacedByOneAtATime() throws {
    _ = try UnixSocket.listening(at: path)
    let before = try identity()
    let other = try FileDescriptor(opening: path + ".swiftlet-lock", O_RDWR | O_CREAT)
    try #require(flock(other.raw, LOCK_EX) == 0)
    let error = #expect(throws: SystemError.self) { try PortSocket(path: path) }
    #expect(error?.code == EADDRINUSE)
    #expect(try identity() == before)
    flock(other.raw, LOCK_UN)
    let socket = try PortSocket(path: path)
    _ = try UnixSocket.connected(to: path)
    // It is there for that moment only.
    #expect(access(path + ".swiftlet-lock", F_OK) != 0)
    withExtendedLifetime(socket) {}
  }

  /// What others can open, they can lock.
  @Test func aReaderOfTheFolderHoldsNobodyUp() throws {
    _ = try UnixSocket.listening(at: path)
    let reader = try FileDescriptor(opening: folder.path, O_RDONLY | O_DIRECTORY)
    try #require(flock(reader.raw, LOCK_EX) == 0)
    let socket = try PortSocket(path: path)
    _ = try UnixSocket.connected(to: path)
    withExtendedLifetime(socket) {}
  }

  private func identity() throws -> FileStatus.Identity {
    try FileDescriptor(opening: path, FileDescriptor.pathOnly).status().identity
  }

  /// Two find the socket of a monitor that was killed; one of them gets its name, and keeps it.
  @Test func ofTwoWhoReplaceASocketOneHasIt() throws {
    let race = Race(path: path)
    let rounds = 4000
    let other = try LinuxSystem.Thread(name: "other") { for round in 0..<rounds { race.take(round) } }
    var (failed, untaken) = (0, 0)
    for round in 0..<rounds {
      _ = try? UnixSocket.listening(at: path)
      race.take(round)
      let isReached = (try? UnixSocket.connected(to: path)) != nil
      switch race.endRound() {
      // Another test has just started a process, which has our sockets open until it is another program.
      case 0:
        untaken += 1
        unlink(path)
      case 1: if !isReached || access(path, F_OK) == 0 { failed += 1 }
      default: failed += 1
      }
    }
    other.join()
    #expect(failed == 0, "of \(rounds) rounds")
    #expect(untaken < rounds / 10)
  }

  private final class Race: Sendable {
    private final class Holder: Sendable {
      private let listener: NamedListener
      init(path: String) throws(SystemError) { listener = try NamedListener(path: path) }
    }

    private let path: String
    private let winners = Lock<[Holder]>([])
    private let arrivals = Atomic(0)

    init(path: String) { self.path = path }

    func take(_ round: Int) {
      meet(2 * round + 1)
      if let holder = try? Holder(path: path) { winners.withLock { $0.append(holder) } }
      meet(2 * round + 2)
    }

    /// Lets both threads go on at the same moment.
    private func meet(_ count: Int) {
      arrivals.add(1, ordering: .acquiringAndReleasing)
      while arrivals.load(ordering: .acquiring) < 2 * count { sched_yield() }
    }

    /// Those who had the name, which they give up.
    func endRound() -> Int {
      winners.withLock { winners in
        defer { winners = [] }
        return winners.count
      }
    }
  }

  @Test func peersAreTakenOneByOneWhenTheyAreAwaited() throws {
    let socket = try PortSocket(path: path)
    try socket.begin(on: loop)
    let first = try UnixSocket.connected(to: path)
    let second = try UnixSocket.connected(to: path)
    try first.writeAll(Array("first".utf8))
    try second.writeAll(Array("second".utf8))
    var taken: [any HostStream] = []
    socket.awaitPeer { taken.append($0) }
    try #require(taken.count == 1)
    #expect(try read(taken[0]) == Array("first".utf8))
    socket.awaitPeer { taken.append($0) }
    try #require(taken.count == 2)
    #expect(try read(taken[1]) == Array("second".utf8))
    // A call that was taken back is not answered; the next one is, when somebody comes.
    socket.awaitPeer { _ in Issue.record("nobody waits any more") }
    socket.cease()
    socket.awaitPeer {
      taken.append($0)
      loop.stop()
    }
    #expect(taken.count == 2)
    let third = try UnixSocket.connected(to: path)
    try loop.run()
    #expect(taken.count == 3)
    for end in [first.raw, second.raw, third.raw] { #expect(end >= 0) }
    withExtendedLifetime(socket) {}
  }

  /// As many slices as a queue has, more than one system call takes, to a reader that stops.
  @Test func aPeerThatStopsIsWaitedForAndGetsEveryByte() throws {
    let socket = try PortSocket(path: path)
    try socket.begin(on: loop)
    let client = try UnixSocket.connected(to: path)
    var peer: (any HostStream)?
    socket.awaitPeer { peer = $0 }
    let stream = try #require(peer)
    let count = 2 << 20
    let pattern = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
    try memory.copyIn(pattern, to: GuestAddress(0))
    let whole = try slice(count)
    let slices = try (0..<4096).map { try whole.slice(from: $0 * 512, count: 512) }
    var sent = try #require(stream.write(slices, of: memory))
    #expect(sent > 2 * 64 * 512 && sent < count)
    #expect(stream.write([slices[0]], of: memory) == 0)
    var received: [UInt8] = []
    func drain() { while let some = try? client.read(upTo: 65_536), !some.isEmpty { received += some } }
    stream.begin { readiness in
      guard readiness.contains(.write), sent < count else { return drain() }
      if let rest = try? whole.slice(from: sent, count: count - sent) {
        sent += stream.write([rest], of: memory) ?? 0
      }
      if sent == count { loop.stop() }
      drain()
    }
    drain()
    try loop.run()
    drain()
    #expect(received == pattern)
    withExtendedLifetime(socket) {}
  }

  @Test func aPeerThatLeftIsExhaustedWhenAllIsRead() throws {
    let socket = try PortSocket(path: path)
    try socket.begin(on: loop)
    var peer: (any HostStream)?
    do {
      let client = try UnixSocket.connected(to: path)
      try client.writeAll(Array("last words".utf8))
      socket.awaitPeer { peer = $0 }
      #expect(peer?.isExhausted == false)
    }
    let stream = try #require(peer)
    var readiness: StreamReadiness = []
    stream.begin {
      readiness = $0
      loop.stop()
    }
    try loop.run()
    #expect(readiness == [.read, .write, .hungUp])
    #expect(!stream.isExhausted)
    #expect(stream.write([try slice(10)], of: memory) == nil)
    #expect(try read(stream, 4) == Array("last".utf8))
    #expect(!stream.isExhausted)
    #expect(try read(stream) == Array(" words".utf8))
    #expect(stream.isExhausted)
    #expect(stream.read(into: [try slice(4)], of: memory) == .end)
    withExtendedLifetime(socket) {}
  }

  /// A machine that ends while a peer is connected: the loop drops the last that holds the stream.
  @Test func aStreamEndsWithTheLoopThatHoldsIt() throws {
    let socket = try PortSocket(path: path)
    try socket.begin(on: loop)
    let client = try UnixSocket.connected(to: path)
    let event = try EventDescriptor()
    socket.awaitPeer { stream in
      stream.begin { _ in }
      _ = try? loop.register(event.descriptor, .readable) { _ in withExtendedLifetime(stream) {} }
    }
    loop.stop()
    try loop.run()
    #expect(try client.read(upTo: 10).isEmpty)
    #expect(event.descriptor.raw >= 0)
    withExtendedLifetime(socket) {}
  }

  @Test func aPeerThatOnlySendsNoMoreHasNotHungUp() throws {
    let socket = try PortSocket(path: path)
    try socket.begin(on: loop)
    let client = try UnixSocket.connected(to: path)
    var peer: (any HostStream)?
    socket.awaitPeer { peer = $0 }
    let stream = try #require(peer)
    UnixSocket.finish(client, reading: false)
    var readiness: StreamReadiness = []
    stream.begin {
      readiness = $0
      loop.stop()
    }
    try loop.run()
    #expect(readiness == [.read, .write])
    #expect(stream.write([try slice(10)], of: memory) == 10)
    #expect(try client.read(upTo: 100).count == 10)
    withExtendedLifetime(socket) {}
  }
}
