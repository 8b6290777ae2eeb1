import Foundation
import Glibc
import Testing

/// Who reads the guest's console, and how that can go wrong.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct ConsoleReaderTests {
  /// The guest's output is several times what the pipe holds.
  @Test func aReaderThatStopsForSecondsGetsEveryByte() throws {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    let (reader, writer) = (ends[0], ends[1])
    for end in ends { try #require(fcntl(end, F_SETFD, FD_CLOEXEC) == 0) }
    defer { close(reader) }
    // F_SETPIPE_SZ.
    try #require(fcntl(writer, 1031, 4096) == 4096)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments = [
      "--signal=KILL", "60", Program.folder.appendingPathComponent("swiftlet").path, "boot", "--kernel",
      try BareGuest.path("virtio"),
    ]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(fileDescriptor: writer, closeOnDealloc: false)
    process.standardError = FileHandle.nullDevice
    try process.run()
    close(writer)
    sleep(3)
    // It waits, it neither ends nor drops anything.
    #expect(process.isRunning)
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 512)
    while case let count = read(reader, &buffer, buffer.count), count > 0 {
      output += buffer[..<count]
      usleep(1000)
    }
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    // The serial port and the virtio console write there in turn: the order between the two may differ.
    let whole = try Program().run(["boot", "--kernel", BareGuest.path("virtio")])
    #expect(whole.output.utf8.count > 3 * 4096)
    let isWhole = output.sorted() == whole.output.utf8.sorted()
    #expect(isWhole, "\(output.count) bytes instead of \(whole.output.utf8.count), or others")
  }

  enum Output: CaseIterable {
    case pipe, socket
    /// That the monitor may not open, as where another user has made it.
    case foreignPipe

    /// The descriptors to read from and to write to.
    func open() -> [Int32] {
      var ends: [Int32] = [-1, -1]
      let isOpen =
        self == .socket ? socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) : Glibc.pipe(&ends)
      if self == .foreignPipe { fchmod(ends[1], 0) }
      return isOpen == 0 ? ends : []
    }

    /// What the command is run by.
    var prefix: [String] {
      self == .foreignPipe && geteuid() == 0
        ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : []
    }
  }

  /// A reader that stops altogether keeps nobody from ending the machine: by one signal, and another where the serial
  /// port has more to say.
  @Test(arguments: Output.allCases) func aReaderThatStopsForGoodCanBeLeft(output: Output) throws {
    let ends = output.open()
    try #require(ends.count == 2)
    for end in ends { try #require(fcntl(end, F_SETFD, FD_CLOEXEC) == 0) }
    defer { for end in ends { close(end) } }
    // mov al, 'x'; then out dx, al for ever.
    let guest = try LifecycleGuest([0x66, 0xBA, 0xF8, 0x03, 0xB0, 0x78, 0xEE, 0xEB, 0xFD])
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/timeout")
    process.arguments =
      ["--signal=KILL", "60"] + output.prefix + [
        Program.folder.appendingPathComponent("swiftlet").path, "boot", "--kernel", guest.path,
      ]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(fileDescriptor: ends[1], closeOnDealloc: false)
    let error = Pipe()
    process.standardError = error
    try process.run()
    var room = pollfd(fd: ends[1], events: Int16(POLLOUT), revents: 0)
    while poll(&room, 1, 0) > 0, process.isRunning { usleep(10_000) }
    // Until there is more to be written than fits.
    usleep(500_000)
    let monitor = try #require(Program.child(of: process.processIdentifier))
    while process.isRunning {
      kill(monitor, SIGTERM)
      usleep(100_000)
    }
    #expect(process.terminationStatus == 143)
    let said = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(said == "swiftlet: ended by signal 15\n")
    // Its other users find it as it was.
    #expect(fcntl(ends[1], F_GETFL) & O_NONBLOCK == 0)
  }

  @Test func aReaderThatGoesAwayIsNotedOnceAndTheGuestRunsOn() throws {
    let result = try Fixtures().run(
      "($S boot --kernel \(BareGuest.path("virtio")); echo status $? >&2) | head -n 3")
    #expect(result.output.split(separator: "\n").count == 3)
    #expect(
      result.error
        == "swiftlet: the console's output is lost from here on: Broken pipe\nstatus 0\n")
  }
}
