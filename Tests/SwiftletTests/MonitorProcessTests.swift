import Glibc
import LinuxSystem
import Testing

@testable import swiftlet

/// How a machine's monitor is waited for, with a shell in its place.
struct MonitorProcessTests {
  private func monitor(_ commands: String) throws -> MonitorProcess {
    try MonitorProcess("/bin/sh", ["-c", commands], mask: SignalMask(), voice: .kept)
  }

  /// Also what it says only after its socket was closed, and more than a socket holds.
  @Test func itsLastWordsAreHeard() throws {
    let signals = try SignalDescriptor([SIGPWR])
    let end = try monitor("head -c 1000000 /dev/zero >&2; sleep 0.2; echo the reason >&2; exit 80")
      .finish(by: nil, heeding: signals)
    #expect(end.words.hasSuffix("\0the reason\n"))
    #expect(end.end == .exited(80))
    #expect(!end.isForced)
  }

  @Test func whatCannotBeExecutedIsNotStarted() throws {
    for (path, code) in [("/etc/passwd", EACCES), ("/nowhere", ENOENT)] {
      let error = #expect(throws: SystemError.self) {
        _ = try MonitorProcess(path, [], mask: SignalMask(), voice: .kept)
      }
      #expect(error?.code == code)
    }
  }

  @Test func itIsKilledWhenItDoesNotEnd() throws {
    let signals = try SignalDescriptor([SIGPWR])
    let monitor = try monitor("trap '' TERM; echo stuck >&2; while :; do sleep 1; done")
    let words = monitor.words
    var entries = [PollEntry(try #require(words).descriptor, reading: true)]
    try PollEntry.wait(&entries)
    let end = monitor.finish(by: SIGTERM, heeding: signals, within: 300_000_000)
    #expect(end.end == .killed(signal: SIGKILL))
    #expect(end.isForced)
    #expect(end.words == "stuck\n")
  }

  /// It would end by itself before the limit, but later than whoever sends a signal wants.
  @Test func aSignalEndsTheWait() throws {
    let signals = try SignalDescriptor([SIGPWR])
    pthread_kill(pthread_self(), SIGPWR)
    let end = try monitor("exec sleep 30").finish(by: nil, heeding: signals, within: 100_000_000_000)
    #expect(end.isForced)
  }
}
