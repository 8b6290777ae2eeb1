import Foundation
import Glibc
import Synchronization
import Testing

/// Named ports of the console, between programs of the host and of a Linux guest.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct PortGuestTests {
  private static let count = 65_536

  /// One port carries 64 KiB to the guest and back. Another has a peer that reads nothing until that is over, though the
  /// guest writes more to it than a socket holds: it holds up neither the first nor the console, and loses nothing.
  @Test func portsCarryBytesBesideTheConsoleAndASlowPeer() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (data, slow) = (folder.appendingPathComponent("d").path, folder.appendingPathComponent("s").path)
    let pattern = (0..<Self.count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let written = Array(((1...60_000).map { "\($0)\n" }.joined() + "end\n").utf8)
    let answers = Mutex<(echo: [UInt8], slow: [UInt8])>(([], []))
    let peer = Thread {
      guard let echo = PortPeer(data), let log = PortPeer(slow) else { return }
      let sender = Thread { echo.send(pattern) }
      sender.start()
      let answer = echo.receive(pattern.count)
      while !sender.isFinished { usleep(1000) }
      echo.close()
      let rest = log.receive(written.count)
      answers.withLock { $0 = (answer, rest) }
    }
    peer.start()
    let command = """
      cd /sys/class/virtio-ports; for n in data slow; do until p=$(grep -lx $n */name); do :; done; \
      eval $n=/dev/${p%/name}; done; \
      (seq 1 60000; echo end) > $slow & exec 3<>$data; head -c \(Self.count) <&3 >&3; echo echoed; \
      read more <&3 || echo closed; wait; echo all
      """
    let result = try Program().run(
      [
        "boot", "--kernel", Built.folder("guest-kernels/linux/build", "up") + "/vmlinux", "--disk",
        Built.folder("guest-kernels/rootfs/build") + "/root.erofs,ro", "--port", "data=\(data)", "--port",
        "slow=\(slow)", "--time-limit", "\(patience)", "--cmdline",
        "root=/dev/vda ro rootfstype=erofs init=/init -- /bin/sh -c \"\(command)\"",
      ], limit: patience + 100)
    #expect(result.output.hasSuffix("echoed\r\nclosed\r\nall\r\n"), "\(result.output)")
    #expect(result.error == "")
    #expect(result.status == 0)
    while !peer.isFinished { usleep(10_000) }
    answers.withLock { answers in
      #expect(answers.echo == pattern)
      #expect(answers.slow == written)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
  }
}

/// A program of the host at a port, with calls that wait.
final class PortPeer: Sendable {
  private let socket: Int32

  /// Connects as soon as there is a socket at `path`, within a minute.
  init?(_ path: String) {
    for _ in 0..<600 {
      let socket = unixSocket(path) { connect($0, $1, $2) }
      if socket >= 0 {
        self.socket = socket
        return
      }
      usleep(100_000)
    }
    return nil
  }

  func close() { Glibc.close(socket) }

  func send(_ data: [UInt8]) {
    var done = 0
    while done < data.count {
      let count = data[done...].withUnsafeBytes {
        Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return }
      done += count
    }
  }

  /// As many bytes; fewer where the other side ends before.
  func receive(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while bytes.count < count, case let got = read(socket, &buffer, buffer.count), got > 0 {
      bytes += buffer[..<got]
    }
    return bytes
  }
}
