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

  @Test func aReaderThatGoesAwayIsNotedOnceAndTheGuestRunsOn() throws {
    let result = try Fixtures().run(
      "($S boot --kernel \(BareGuest.path("virtio")); echo status $? >&2) | head -n 3")
    #expect(result.output.split(separator: "\n").count == 3)
    #expect(
      result.error
        == "swiftlet: the console's output is lost from here on: Broken pipe\nstatus 0\n")
  }
}
