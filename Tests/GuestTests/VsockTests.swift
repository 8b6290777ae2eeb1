import Foundation
import Glibc
import Synchronization
import Testing

/// Streams between programs of the host and of a Linux guest.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct VsockGuestTests {
  /// Connections that each side opens: twice as many are at work at once.
  static let connections = 4
  /// Bytes each way on each connection: 16 MiB each way in all, 160 where tests may take long. Where KVM interprets the
  /// guest's kernel nearly all the time is the kernel's own, copying eight bytes by a step of the interpreter.
  static let bytes = (runsLongTests ? 20 : 2) << 20
  /// Seconds after which something hangs. Beside a dozen compilers on two cores 16 MiB took 820.
  static let limit = runsLongTests ? 9000 : 2400

  @Test func bytesPassUnchangedBothWaysOnManyConnections() throws {
    let (bytes, connections) = (Self.bytes, Self.connections)
    let guest = try StreamGuest()
    defer { guest.clean() }

    // Who answers the guest, and who asks it.
    let echo = try EchoServer(path: "\(guest.path)_6000")
    let pattern = (0..<(bytes + connections)).map {
      UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ $0 >> 16)
    }
    let answers = Mutex<[Bool]>([])
    let askers = (0..<connections).map { index in
      Thread {
        let data = Array(pattern[index..<(index + bytes)])
        let answer = UnixPeer(path: guest.path, retryingFor: 60, greeting: "CONNECT 5000\n")?.exchange(data)
        answers.withLock { $0.append(answer == data) }
      }
    }
    let result = try guest.run(
      "/mnt/stream echo 5000 \(connections) & /mnt/stream send 6000 \(bytes) \(connections) && wait",
      limit: Self.limit
    ) { _ in
      for asker in askers { asker.start() }
    }
    while askers.contains(where: \.isExecuting) { usleep(10_000) }
    echo.stop()
    #expect(result.status == 0)
    #expect(answers.withLock { $0 } == [Bool](repeating: true, count: connections))
    let line = "stream: \(bytes) bytes, hash \(Self.patternHash(bytes))"
    #expect(result.output.components(separatedBy: line).count - 1 == connections, "\(result.output)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: guest.folder.path) == ["v.sock_6000"])
  }

  /// What the guest's program says of its own pattern.
  private static func patternHash(_ count: Int) -> String {
    var state: UInt32 = 2_166_136_261
    for place in 0..<count {
      let byte = UInt8(truncatingIfNeeded: place * 7 + place >> 8 + (place >> 16) * 3)
      state = (state ^ UInt32(byte)) &* 16_777_619
    }
    let text = String(state, radix: 16)
    return String(repeating: "0", count: 8 - text.count) + text
  }
}

/// A Linux guest with a virtio socket and, at /mnt/stream, the program that streams.
struct StreamGuest {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
  /// The socket to whose clients the guest's ports answer.
  var path: String { folder.appendingPathComponent("v.sock").path }

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  func clean() { try? FileManager.default.removeItem(at: folder) }

  /// Boots it and runs `command`.
  /// - Parameters:
  ///   - limit: seconds of which the machine is given most.
  ///   - whenListening: called once with the monitor's process identifier, when the guest takes connections.
  func run(
    _ command: String, options: [String] = [], limit: Int, whenListening: (pid_t) -> Void
  ) throws -> Program.Result {
    var isListening = false
    return try Program().run(
      [
        "boot", "--kernel", Built.folder("guest-kernels/linux/build", "up") + "/vmlinux", "--disk",
        Built.folder("guest-kernels/rootfs/build") + "/root.erofs,ro", "--disk",
        Built.folder("guest-kernels/programs/build") + "/programs.erofs,ro", "--vsock", path,
        "--time-limit", "\(limit - 20)",
      ] + options + [
        "--cmdline",
        "root=/dev/vda ro rootfstype=erofs init=/init -- /bin/sh -c \"mount -t erofs /dev/vdb /mnt; \(command)\"",
      ], limit: limit
    ) { process, said in
      guard !isListening, said.contains("stream: listening") else { return }
      isListening = true
      whenListening(process)
    }
  }
}

/// One end of a Unix socket, with calls that wait.
final class UnixPeer: Sendable {
  private let socket: Int32

  init(owning socket: Int32) { self.socket = socket }

  /// Connects, and says where to, until an answer comes.
  convenience init?(path: String, retryingFor seconds: Int, greeting: String) {
    for _ in 0..<(seconds * 10) {
      let socket = unixSocket(path) { connect($0, $1, $2) }
      if socket >= 0 {
        self.init(owning: socket)
        _ = send(socket, greeting, greeting.utf8.count, Int32(MSG_NOSIGNAL))
        if readLine().hasPrefix("OK ") { return }
      }
      usleep(100_000)
    }
    return nil
  }

  deinit { close(socket) }

  private func readLine() -> String {
    var line = ""
    var byte: UInt8 = 0
    while read(socket, &byte, 1) == 1 {
      line.append(Character(Unicode.Scalar(byte)))
      if byte == 0x0A { break }
    }
    return line
  }

  /// Sends `data`, ends that direction, and returns all that comes meanwhile and after.
  func exchange(_ data: [UInt8]) -> [UInt8] {
    let socket = self.socket
    let sender = Thread {
      var done = 0
      while done < data.count {
        let count = data[done...].withUnsafeBytes {
          send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count <= 0 { break }
        done += count
      }
      shutdown(socket, Int32(SHUT_WR))
    }
    sender.start()
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(socket, &buffer, buffer.count), count > 0 { answer += buffer[..<count] }
    while !sender.isFinished { usleep(1000) }
    return answer
  }

  /// Sends back what comes.
  func echo() {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(socket, &buffer, buffer.count), count > 0 {
      var done = 0
      while done < count {
        let part = buffer[done..<count].withUnsafeBytes {
          send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if part <= 0 { return }
        done += part
      }
    }
  }
}

/// Sends back what each connection to its path sends.
final class EchoServer: Sendable {
  private let listener: Int32

  init(path: String) throws {
    listener = unixSocket(path) { bind($0, $1, $2) }
    try #require(listener >= 0)
    try #require(listen(listener, 64) == 0)
    let listener = self.listener
    Thread {
      while case let socket = accept(listener, nil, nil), socket >= 0 {
        Thread { UnixPeer(owning: socket).echo() }.start()
      }
    }.start()
  }

  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }
}

/// A stream socket on which `call` was done with the address of `path`; -1 where that failed.
func unixSocket(_ path: String, _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
  let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  let result = withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      call(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
  if result == 0 { return socket }
  close(socket)
  return -1
}
