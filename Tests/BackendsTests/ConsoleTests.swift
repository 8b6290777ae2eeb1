import Backends
import Devices
import Foundation
import Glibc
import GuestMemory
import LinuxSystem
import Testing

@Suite struct ConsoleEscapeTests {
  @Test func onlyControlASpeaksToTheMonitor() {
    var escape = ConsoleEscape()
    #expect(escape.filter(Array("ls\r\u{3}".utf8)) == (Array("ls\r\u{3}".utf8), false))
    #expect(escape.filter([1]) == ([], false))
    #expect(escape.filter(Array("q".utf8)) == ([1, UInt8(ascii: "q")], false))
    #expect(escape.filter([1, UInt8(ascii: "a")]) == ([1], false))
    #expect(escape.filter([1, 1, UInt8(ascii: "x")]) == ([1, UInt8(ascii: "x")], false))
    #expect(escape.filter([65, 1]) == ([65], false))
    #expect(escape.filter(Array("xyz".utf8)) == ([], true))
  }
}

@Suite struct ConsoleStreamsTests {
  let memory: GuestMemory

  init() throws { memory = try GuestMemory(size: 1 << 20) }

  func pipe() throws -> (reader: Int32, writer: Int32) {
    var ends: [Int32] = [0, 0]
    try #require(Glibc.pipe(&ends) == 0)
    return (ends[0], ends[1])
  }

  /// What a console is connected to: for each the end to read from, and the one to write to.
  enum Stream: CaseIterable {
    case pipe, socket
    /// That cannot be opened again.
    case foreignPipe, foreignTerminal
  }

  func open(_ stream: Stream) throws -> (reader: Int32, writer: Int32) {
    switch stream {
    case .pipe: return try pipe()
    case .socket: return try UnixSocket.pair()
    case .foreignPipe:
      let ends = try pipe()
      for end in [ends.reader, ends.writer] { try #require(fchmod(end, 0) == 0) }
      return ends
    case .foreignTerminal:
      let (reader, writer) = openTerminal()
      try #require(reader >= 0 && fchmod(writer, 0) == 0)
      return (reader, writer)
    }
  }

  @Test(arguments: Stream.allCases, [1, 4000]) func isNeverWaitedForAndStaysAsItIs(
    stream: Stream, pieces: Int
  ) throws {
    let (reader, writer) = try open(stream)
    defer { for end in [reader, writer] { close(end) } }
    let (source, sink) = try asNobody { try (ConsoleSource(reader), ConsoleSink(writer) { _ in }) }
    #expect(source.read(upTo: 10) == .none)
    let count = (1 << 20) / pieces
    memory.fill(try memory.slice(at: GuestAddress(0), count: 1 << 20), with: 0x41)
    let slices = try (0..<pieces).map {
      try memory.slice(at: GuestAddress(UInt64($0 * count)), count: UInt64(count))
    }
    var taken = 0
    while case let more = sink.write(slices, of: memory), more > 0 { taken += more }
    #expect(taken > 0)
    #expect(sink.write([0x42]) == 0)
    // What shows a terminal is not what a console is connected to.
    let isShown = stream == .foreignTerminal
    let read = try isShown ? .bytes(FileDescriptor(duplicating: reader).read(upTo: 3)) : source.read(upTo: 3)
    #expect(read == .bytes([0x41, 0x41, 0x41]))
    // The descriptors that were given still wait, as their other users expect.
    #expect(fcntl(reader, F_GETFL) & O_NONBLOCK == 0)
    #expect(fcntl(writer, F_GETFL) & O_NONBLOCK == 0)
  }

  @Test func aFileIsWrittenWhereItsDescriptorStands() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("log", Array("old ".utf8))
    let number = Glibc.open(path, O_WRONLY | O_APPEND)
    defer { close(number) }
    let sink = try ConsoleSink(number) { _ in }
    try memory.copyIn(Array("new".utf8), to: GuestAddress(0))
    #expect(try sink.write([memory.slice(at: GuestAddress(0), count: 3)], of: memory) == 3)
    #expect(sink.write(Array(" last".utf8)[...]) == 5)
    #expect(try folder.contents("log") == Array("old new last".utf8))
  }

  @Test func nothingIsReadFromWhatIsEmpty() throws {
    let null = Glibc.open("/dev/null", O_RDONLY)
    defer { close(null) }
    #expect(try ConsoleSource(null).read(upTo: 10) == .end)
  }

  /// Of a named pipe whose writers had gone before anybody looked.
  @Test func theEndOfANamedPipeIsTold() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/pipe"
    #expect(mkfifo(path, 0o600) == 0)
    let reader = Glibc.open(path, O_RDONLY | O_NONBLOCK)
    defer { close(reader) }
    let writer = Glibc.open(path, O_WRONLY)
    #expect(Glibc.write(writer, "words", 5) == 5)
    close(writer)
    let source = try ConsoleSource(reader)
    let loop = try EventLoop()
    let never = try TimerDescriptor()
    var found: [ConsoleSource.Input] = []
    _ = try loop.register(never.descriptor, .readable) { _ in loop.stop() }
    never.arm(after: 20_000_000_000)
    let registration = try source.whenReadable(on: loop) {
      found.append(source.read(upTo: 10))
      if found.last == .end { loop.stop() }
    }
    try loop.run()
    loop.unregister(registration)
    #expect(found == [.bytes(Array("words".utf8)), .end])
  }

  @Test func allIsWrittenWhereThatIsAsked() throws {
    let (reader, writer) = try pipe()
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
    let thread = try LinuxSystem.Thread(name: "writer") {
      let sink = try? ConsoleSink(writer) { _ in }
      if let never = try? EventDescriptor() { sink?.writeAll(bytes[...], unless: never.descriptor) }
      close(writer)
    }
    let read = try FileDescriptor(owning: reader).contents(limit: 1 << 20)
    thread.join()
    #expect(read == bytes)
  }

  @Test func anOutputThatIsGoneIsReportedOnce() throws {
    signal(SIGPIPE, SIG_IGN)
    let (reader, writer) = try pipe()
    var reports: [SystemError] = []
    let sink = try ConsoleSink(writer) { reports.append($0) }
    close(reader)
    let slice = try memory.slice(at: GuestAddress(0), count: 16)
    for _ in 0..<3 { #expect(sink.write([slice], of: memory) == 16) }
    #expect(sink.write([1, 2]) == 2)
    #expect(reports.map(\.code) == [EPIPE])
    close(writer)
  }

  @Test func writingIsGivenUpWhereThatIsAsked() throws {
    let (reader, writer) = try pipe()
    let sink = try ConsoleSink(writer) { _ in }
    let now = try EventDescriptor()
    now.signal()
    sink.writeAll([UInt8](repeating: 0x41, count: 1 << 20)[...], unless: now.descriptor)
    close(writer)
    _ = consume sink
    let read = try FileDescriptor(owning: reader).contents(limit: 1 << 20)
    #expect(!read.isEmpty && read.count < 1 << 20)
  }

  @Test func aDescriptorThatIsNotOpenIsRefused() {
    #expect(throws: SystemError.self) { try ConsoleSource(9999) }
    #expect(throws: SystemError.self) { try ConsoleSink(9999) { _ in } }
  }
}
