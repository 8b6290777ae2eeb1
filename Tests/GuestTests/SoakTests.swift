import Foundation
import Synchronization
import Testing

/// A machine at work for long.
@Suite(
  .enabled(if: hasKVM, "/dev/kvm is not usable here"),
  .enabled(if: runsLongTests, "takes ten minutes: `make test-long`"))
struct SoakTests {
  private static let seconds = 600

  /// Connection after connection over vsock, of any length, each compared; the monitor holds no more in the end.
  @Test func exchangesForTenMinutes() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("v.sock").path
    let monitor = Mutex<pid_t>(0)
    let right = Atomic(0)
    let wrong = Atomic(0)
    let footprints = Mutex<[Footprint]>([])
    let askers = (0..<4).map { index in
      Thread {
        let data = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ index) }
        // Until the machine is gone, and with it who answers.
        while let peer = UnixPeer(path: path, retryingFor: 60, greeting: "CONNECT 5000\n") {
          let sent = Array(data.prefix(Int.random(in: 1...data.count)))
          let answer = peer.exchange(sent)
          let process = monitor.withLock { $0 }
          if answer == sent {
            right.add(1, ordering: .relaxed)
          } else if Footprint(of: process, guestMebibytes: 128) != nil {
            wrong.add(1, ordering: .relaxed)
          }
          if let footprint = Footprint(of: process, guestMebibytes: 128) {
            footprints.withLock { $0.append(footprint) }
          }
        }
      }
    }
    for asker in askers { asker.start() }
    let result = try Program().run(
      [
        "boot", "--kernel", Built.folder("guest-kernels/linux/build", "up") + "/vmlinux", "--disk",
        Built.folder("guest-kernels/rootfs/build") + "/root.erofs,ro", "--disk",
        Built.folder("guest-kernels/programs/build") + "/programs.erofs,ro", "--vsock", path,
        "--memory", "128M", "--time-limit", "\(Self.seconds)", "--cmdline",
        "root=/dev/vda ro rootfstype=erofs init=/init -- /bin/sh -c "
          + "\"mount -t erofs /dev/vdb /mnt; /mnt/stream echo 5000 1000000\"",
      ], limit: Self.seconds + 60
    ) { process in monitor.withLock { $0 = process } }
    while !askers.allSatisfy(\.isFinished) { usleep(10_000) }
    #expect(result.status == 82, "\(result.output.suffix(300))")
    #expect(wrong.load(ordering: .relaxed) == 0)
    let growth = try Growth(footprints.withLock { $0 })
    print("soak: \(right.load(ordering: .relaxed)) exchanges in \(Self.seconds) s; \(growth)")
    #expect(right.load(ordering: .relaxed) > 100)
    #expect(growth.descriptors < 8)
    #expect(growth.kibibytes < 512)
  }
}
