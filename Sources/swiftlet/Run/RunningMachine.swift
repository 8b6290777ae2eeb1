import Configuration
import Glibc
import Images
import LinuxSystem

/// A machine that runs, as those see it who want its end.
struct RunningMachine: ~Copyable {
  /// What a machine that was switched off may take to be gone, in seconds.
  static let patience: UInt64 = 60

  private let name: String
  private let supervisor: OtherProcess
  private let number: Int32
  /// What asks its program to end.
  private let stopSignal: Int32

  /// - Parameter base: where machines' folders are.
  init(_ name: String, in base: String) throws(Diagnostic) {
    let presence = try RuntimeFolder.presence(of: name, in: base)
    let state = try MachineState(in: presence.folder)
    // Who holds the lock lives, so that the number was still its own when it was looked up.
    guard state.supervisor > 1, let process = try? OtherProcess(state.supervisor), presence.isThere else {
      throw Diagnostic(.noInput, "no such machine", which: name, mend: "it has just ended")
    }
    self.name = name
    supervisor = process
    number = state.supervisor
    stopSignal = state.program.stopSignal.flatMap(Self.signal) ?? SIGTERM
  }

  /// What a machine's supervisor is sent for a signal that is called so, with SIG in front or without, or by its number; nil
  /// for those that do not reach a program.
  static func signal(_ text: String) -> Int32? {
    let numbers = [
      "INT": SIGINT, "TERM": SIGTERM, "HUP": SIGHUP, "QUIT": SIGQUIT, "USR1": SIGUSR1, "USR2": SIGUSR2,
      "KILL": RunSession.powerLoss,
    ]
    let name = text.uppercased()
    if let number = Int32(name) {
      return number == SIGKILL
        ? RunSession.powerLoss : numbers.values.first { $0 == number && $0 != RunSession.powerLoss }
    }
    return numbers[name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name]
  }

  /// Sends a signal, to its program where the supervisor passes it on. One that has just ended needs none.
  func send(_ signal: Int32) throws(Diagnostic) {
    do throws(SystemError) { try supervisor.send(signal) } catch {
      if error.code == SystemError.noProcess { return }
      throw Diagnostic(.hostResource, "cannot signal the machine", which: name, mend: error.reason)
    }
  }

  /// Asks the program to end, and switches the machine off where it has not ended after so many seconds.
  func stop(after seconds: UInt64, patience: UInt64 = patience) throws(Diagnostic) {
    try send(stopSignal)
    if !waitForEnd(seconds) { try switchOff(patience: patience) }
  }

  /// Ends it whatever its program does, and waits until it is gone.
  func switchOff(patience: UInt64 = patience) throws(Diagnostic) {
    try send(RunSession.powerLoss)
    guard waitForEnd(patience) else {
      throw Diagnostic(
        .monitorError, "the machine does not end", which: name,
        mend: "kill -KILL \(number) ends its supervisor, and the machine with it")
    }
  }

  /// - Returns: false where it is still there after so many seconds.
  private func waitForEnd(_ seconds: UInt64) -> Bool {
    let (wait, isLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, isLonger) = Clock.monotonicNanoseconds().addingReportingOverflow(wait)
    let deadline = isLong || isLonger ? .max : sum
    while true {
      let now = Clock.monotonicNanoseconds()
      let left = deadline > now ? (deadline - now - 1) / 1_000_000 + 1 : 0
      var entries = [PollEntry(supervisor.descriptor.raw, reading: true)]
      guard (try? PollEntry.wait(&entries, atMost: Int32(clamping: left))) != nil else { return false }
      if entries[0].isReadable { return true }
      if left == 0 { return false }
    }
  }
}
