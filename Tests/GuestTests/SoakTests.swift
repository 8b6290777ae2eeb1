import Foundation
import Synchronization
import Testing

/// A machine at work for long.
@Suite(
  .enabled(if: hasKVM, "/dev/kvm is not usable here"),
  .enabled(if: runsLongTests, "takes ten minutes: `make test-long`"))
struct SoakTests {
  private static let seconds = 600
  /// At least this many, however slow the host.
  private static let exchanges = 200

  /// Connection after connection over vsock, of any length, each compared; the monitor holds no more in the end.
  @Test func exchangesForTenMinutes() throws {
    let guest = try StreamGuest()
    defer { guest.clean() }
    let monitor = Mutex<pid_t>(0)
    let working = Atomic(4)
    let done = Atomic(0)
    let wrong = Mutex<[String]>([])
    let footprints = Mutex<[Footprint]>([])
    let askers = (0..<4).map { index in
      Thread {
        let data = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ index) }
        let process = monitor.withLock { $0 }
        // The last one ends the machine.
        defer { if working.subtract(1, ordering: .relaxed).newValue == 0 { kill(process, SIGTERM) } }
        let end = ContinuousClock.now + .seconds(Self.seconds)
        while ContinuousClock.now < end || done.load(ordering: .relaxed) < Self.exchanges {
          let sent = Array(data.prefix(Int.random(in: 1...data.count)))
          let answer = UnixPeer(path: guest.path, retryingFor: 60, greeting: "CONNECT 5000\n")?.exchange(sent)
          if answer != sent {
            wrong.withLock { $0.append("\(answer?.count ?? -1) of \(sent.count) bytes") }
          }
          done.add(1, ordering: .relaxed)
          // A machine that has ended answers no more.
          guard let footprint = Footprint(of: process, guestMebibytes: 128) else { return }
          footprints.withLock { $0.append(footprint) }
        }
      }
    }
    let result = try guest.run(
      "/mnt/stream echo 5000 1000000", options: ["--memory", "128M"], limit: 6000
    ) { process in
      monitor.withLock { $0 = process }
      for asker in askers { asker.start() }
    }
    #expect(result.status == 128 + SIGTERM, "\(result.output.suffix(300))")
    #expect(wrong.withLock { $0 } == [], "\(result.output.suffix(300))")
    let growth = try Growth(footprints.withLock { $0 })
    print("soak: \(done.load(ordering: .relaxed)) exchanges in \(Self.seconds) s; \(growth)")
    #expect(growth.descriptors < 8)
    #expect(growth.kibibytes < 512)
  }
}
