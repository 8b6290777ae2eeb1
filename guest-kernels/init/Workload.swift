import LinuxCalls

/// The command given to init, run as a child until it and everything it left behind have ended.
struct Workload {
  private enum Status {
    static let cannotRun: UInt8 = 126
    static let notFound: UInt8 = 127
    /// Added to the number of the signal that ended the command.
    static let signalBase: UInt8 = 128
  }

  /// Signals by which the host asks for the end.
  private static let endSignals = bit(SIGTERM) | bit(SIGPWR) | bit(SIGINT)
  private static let patienceSeconds = 5

  private let process: Int32

  /// Runs the command to its end; returns its exit status, or 128 and the number of the signal that ended it.
  static func run(_ arguments: CTextArray, environment: CTextArray) -> UInt8 {
    // Blocked, a signal waits to be asked for, though process 1 has no handler.
    _ = sys_set_signal_mask(endSignals | bit(SIGCHLD))
    var start = WorkloadStart(arguments: arguments, environment: environment)
    let process = spawn(&start)
    guard process > 0, start.failure == 0 else {
      let failure = process > 0 ? start.failure : process
      Text.print {
        $0.add("init: cannot run ")
        if let command = arguments[0] { $0.add(command) }
        $0.add(": ")
        $0.add(failure: failure)
        $0.add("\n")
      }
      return failure == Int(-ENOENT) ? Status.notFound : Status.cannotRun
    }
    let status = Workload(process: Int32(truncatingIfNeeded: process)).wait()
    endTheRest()
    return status
  }

  private func wait() -> UInt8 {
    var deadline: Int?
    while true {
      let signal = Workload.waitSignal(until: deadline)
      if signal == SIGCHLD {
        if let status = reap() { return status }
      } else if let limit = deadline, Workload.seconds() >= limit {
        return Workload.Status.signalBase | UInt8(SIGTERM)
      } else if deadline == nil, signal > 0 {
        _ = sys_kill(-process, SIGTERM)  // the command leads a process group of its own
        deadline = Workload.seconds() + Workload.patienceSeconds
      }
    }
  }

  /// Collects all that have ended; the command's status when it is among them.
  private func reap() -> UInt8? {
    var status: Int32 = 0
    while true {
      let ended = sys_wait(&status, WNOHANG)
      if ended <= 0 { return nil }
      if ended == Int(process) { return Workload.exitStatus(status) }
    }
  }

  /// Kills and collects what the command left behind: an open file would keep a file system writable.
  private static func endTheRest() {
    guard sys_kill(-1, SIGKILL) == 0 else { return }
    while sys_wait(nil, 0) > 0 {}
  }

  private static func exitStatus(_ status: Int32) -> UInt8 {
    let signal = UInt8(status & 0x7f)
    return signal == 0 ? UInt8(status >> 8 & 0xff) : Status.signalBase | signal
  }

  /// The next signal, or a negative number when the deadline (in monotonic seconds) passed.
  private static func waitSignal(until deadline: Int?) -> Int32 {
    let set = endSignals | bit(SIGCHLD)
    guard let deadline else { return Int32(truncatingIfNeeded: sys_wait_signal(set, nil)) }
    var limit = timespec(tv_sec: max(deadline - seconds(), 0), tv_nsec: 0)
    return Int32(truncatingIfNeeded: sys_wait_signal(set, &limit))
  }

  private static func seconds() -> Int {
    var time = timespec()
    _ = sys_monotonic_time(&time)
    return time.tv_sec
  }

  private static func bit(_ signal: Int32) -> UInt64 { 1 << UInt64(signal - 1) }
}

/// What the new process needs to become the command, and where it leaves why it could not.
struct WorkloadStart {
  let arguments: CTextArray
  let environment: CTextArray
  var failure = 0

  /// Runs in the new process, which shares memory with init until it becomes another program.
  mutating func becomeCommand() {
    _ = sys_setsid()
    Platform.openConsole()
    _ = sys_take_terminal(0)
    _ = sys_set_signal_mask(0)
    guard let command = arguments[0] else { return }
    failure = execute(command, arguments, environment)
  }
}

/// Called by start.S on the new process's stack.
@c
func child_main(start: UnsafeMutableRawPointer) -> Never {
  start.assumingMemoryBound(to: WorkloadStart.self).pointee.becomeCommand()
  sys_exit(127)
}
