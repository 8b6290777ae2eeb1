package import Configuration
package import Glibc
import LinuxSystem
import Synchronization

/// One program to measure, started anew for every run.
package struct Job {
  package let name: String
  /// The program's path first.
  package let arguments: [String]
  /// What the program inherits as descriptor 3: a machine description for the monitor.
  package var description: MachineDescription?
  /// What it must say on standard output.
  package var expected = ""
  /// What its environment has besides this program's, or instead: "NAME=value".
  package var environment: [String] = []
  /// What else the program inherits: descriptors of ours, and the numbers they have there, 4 and up.
  let inherited: [(ours: Int32, theirs: Int32)]

  package init(
    name: String, arguments: [String], description: MachineDescription? = nil,
    inherited: [(ours: Int32, theirs: Int32)] = []
  ) {
    self.name = name
    self.arguments = arguments
    self.description = description
    self.inherited = inherited
  }

  package struct Run: Sendable {
    /// Before the process existed, and when it had left nothing behind, in nanoseconds of CLOCK_MONOTONIC.
    package let startedAt, endedAt: UInt64
    /// As wait(2) tells it.
    package let waitStatus: Int32
    /// Nanoseconds of processor time of the process and of its children that it waited for.
    package let processorTime: UInt64
    package let output: String
    package let error: String

    package var duration: UInt64 { endedAt &- startedAt }
  }

  /// Runs the program to its end.
  /// - Throws: where it cannot be started, does not end within so many seconds, or ends with another status than 0.
  package func run(within seconds: Int = 60) throws(Failure) -> Run {
    try RunningJob(self).finish(within: seconds)
  }

  /// Runs the program to its end, whatever that is.
  /// - Throws: where it cannot be started, or does not end within so many seconds.
  package func attempt(within seconds: Int) throws(Failure) -> Run {
    try RunningJob(self).end(within: seconds)
  }
}

/// What keeps the benchmark from being one.
package struct Failure: Error, CustomStringConvertible {
  package let description: String
  /// The signal that asked the benchmark to end.
  package let signal: Int32?

  package init(_ description: String, signal: Int32? = nil) {
    (self.description, self.signal) = (description, signal)
  }
}

/// A job's process, with its standard output and error in pipes.
package struct RunningJob: ~Copyable {
  package let identifier: pid_t
  private let name: String
  private let started: UInt64
  private let output: FileDescriptor
  private let error: FileDescriptor

  package init(_ job: Job, input: Int32? = nil) throws(Failure) {
    let output = try Pipe()
    let error = try Pipe()
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
      posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, output.writing.raw, 1)
    posix_spawn_file_actions_adddup2(&actions, error.writing.raw, 2)
    for (ours, theirs) in job.inherited { posix_spawn_file_actions_adddup2(&actions, ours, theirs) }
    var file: FileDescriptor?
    if let description = job.description {
      file = try RunningJob.file(description.encode())
      posix_spawn_file_actions_adddup2(&actions, file?.raw ?? -1, 3)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The end of the child is waited for by its signal, which it must not inherit as blocked.
    WatchedSignals.block()
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    // What this program ignores of failed writes, another may need.
    var usual = sigset_t()
    sigemptyset(&usual)
    for signal in [SIGPIPE, SIGXFSZ] { sigaddset(&usual, signal) }
    posix_spawnattr_setsigdefault(&attributes, &usual)
    // Keys of a terminal that end programs reach this one alone, which then ends the others, all there is of them.
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var pointers = job.arguments.map { strdup($0) } + [nil]
    var environment = RunningJob.environment(with: job.environment).map { strdup($0) } + [nil]
    defer { for pointer in pointers + environment { free(pointer) } }
    var identifier: pid_t = 0
    let start = Clock.monotonicNanoseconds()
    let code = posix_spawn(&identifier, job.arguments[0], &actions, &attributes, &pointers, &environment)
    guard code == 0 else {
      throw Failure("cannot start \(job.arguments[0]): \(String(cString: strerror(code)))")
    }
    self.identifier = identifier
    self.output = output.reading
    self.error = error.reading
    name = job.name
    started = start
  }

  /// What the program has said on standard output since the last call; waits for something, empty at its end.
  package func nextOutput() throws(Failure) -> String {
    do throws(SystemError) { return String(decoding: try output.read(upTo: 4096), as: UTF8.self) } catch {
      throw Failure("\(name): \(error)")
    }
  }

  /// Ends the program where it stands.
  package consuming func kill() {
    _ = ProcessTree.end(identifier)
  }

  /// - Throws: where the program does not end within so many seconds, or with another status than 0.
  package consuming func finish(within seconds: Int) throws(Failure) -> Job.Run {
    let name = name
    let run = try end(within: seconds)
    guard run.waitStatus == 0 else {
      throw Failure("\(name) ended with wait status \(run.waitStatus): \(run.error)")
    }
    return run
  }

  /// - Parameter look: called again and again until the program has ended, with its identifier.
  /// - Throws: where the program does not end within so many seconds, or this one was asked to.
  package consuming func end(within seconds: Int, looking look: ((pid_t) -> Void)? = nil) throws(Failure)
    -> Job.Run
  {
    let deadline = started &+ UInt64(seconds) &* 1_000_000_000
    while true {
      if let run = try ended() { return run }
      look?(identifier)
      let now = Clock.monotonicNanoseconds()
      let signal =
        look == nil ? WatchedSignals.wait(now < deadline ? deadline &- now : 0) : WatchedSignals.wait(0)
      guard now < deadline, signal == nil || signal == SIGCHLD else {
        let isGone = ProcessTree.end(identifier)
        if let signal, signal != SIGCHLD { throw Failure("interrupted", signal: signal) }
        // What came first is the reason rather than what came of it.
        let line = try RunningJob.text(error).split(separator: "\n").first
        let late = "\(name) does not end within \(seconds) s" + (isGone ? "" : ", and cannot be ended")
        throw Failure(late + (line.map { ": \($0)" } ?? ""))
      }
    }
  }

  /// - Returns: how it went, once, where the program has ended; nil while it runs.
  package func ended() throws(Failure) -> Job.Run? {
    var (status, usage) = (Int32(0), rusage())
    let found = wait4(identifier, &status, WNOHANG, &usage)
    guard found != 0 else { return nil }
    guard found > 0 else { throw Failure("\(name) cannot be waited for: error \(errno)") }
    let ended = Clock.monotonicNanoseconds()
    let (said, complained) = (try RunningJob.text(output), try RunningJob.text(error))
    return Job.Run(
      startedAt: started, endedAt: ended, waitStatus: status,
      processorTime: usage.ru_utime.nanoseconds &+ usage.ru_stime.nanoseconds, output: said, error: complained
    )
  }

  /// Waits until the program has said something, a word of it in `text`, and leaves it running.
  /// - Throws: where it ends before, does not say so within so many seconds, or this program was asked to end.
  package func waitUntilItSays(_ word: String, within seconds: Int) throws(Failure) {
    let deadline = started &+ UInt64(seconds) &* 1_000_000_000
    var said = ""
    while !said.contains(word) {
      var ready = pollfd(fd: output.raw, events: Int16(POLLIN), revents: 0)
      if Glibc.poll(&ready, 1, 20) > 0 {
        let more = try nextOutput()
        guard !more.isEmpty else {
          let line = try RunningJob.text(error).split(separator: "\n").last ?? "it said nothing"
          throw Failure("\(name) ended: \(line)")
        }
        said += more
      }
      try WatchedSignals.check()
      guard Clock.monotonicNanoseconds() < deadline else {
        throw Failure("\(name) does not say \(word) within \(seconds) s")
      }
    }
  }

  private static func environment(with changes: [String]) -> [String] {
    var (kept, next) = ([String](), environ)
    while let entry = next.pointee {
      kept.append(String(cString: entry))
      next += 1
    }
    func name(_ entry: String) -> Substring { entry.prefix { $0 != "=" } }
    let changed = Set(changes.map(name))
    return kept.filter { !changed.contains(name($0)) } + changes
  }

  /// What has been said, without waiting for who else may have the pipe open.
  private static func text(_ file: borrowing FileDescriptor) throws(Failure) -> String {
    _ = fcntl(file.raw, F_SETFL, O_NONBLOCK)
    var bytes: [UInt8] = []
    while bytes.count < 1 << 20 {
      var piece = [UInt8](repeating: 0, count: 1 << 16)
      let count = read(file.raw, &piece, piece.count)
      if count <= 0 { break }
      bytes += piece[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private struct Pipe: ~Copyable {
    /// F_SETPIPE_SZ, which the C library has for GNU programs only.
    private static let setSize: Int32 = 1031
    let reading: FileDescriptor
    let writing: FileDescriptor

    init() throws(Failure) {
      var ends: [Int32] = [0, 0]
      guard pipe(&ends) == 0 else { throw Failure("no pipe: error \(errno)") }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      // What a program says is read at its end; more than this is waited for.
      _ = fcntl(ends[1], Pipe.setSize, 1 << 20)
      reading = FileDescriptor(owning: ends[0])
      writing = FileDescriptor(owning: ends[1])
    }
  }

  private static func file(_ bytes: [UInt8]) throws(Failure) -> FileDescriptor {
    do throws(SystemError) {
      let file = try FileDescriptor(memoryFile: "description")
      try file.writeAll(bytes)
      return file
    } catch {
      throw Failure("cannot pass a machine description: \(error)")
    }
  }
}

extension timeval {
  fileprivate var nanoseconds: UInt64 { UInt64(tv_sec) &* 1_000_000_000 &+ UInt64(tv_usec) &* 1000 }
}

/// The signals that end a wait for a program: its own end, and those that ask this program to end.
package enum WatchedSignals {
  private static let toEnd = Signal.heeded([SIGINT, SIGTERM, SIGHUP, SIGQUIT])
  /// The one that has come, 0 where none has.
  private static let asked = Atomic<Int32>(0)
  private static let isEnding = Atomic<Bool>(false)

  private static func set(_ signals: [Int32]) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    return set
  }

  /// From here on they wait to be looked at, in this thread and all that it starts.
  package static func block() {
    // Ignored, as it may be inherited, it would take away how children ended.
    signal(SIGCHLD, SIG_DFL)
    var set = set(toEnd + [SIGCHLD])
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  /// From here on this program has been asked once, and puts things away: no other signal disturbs that.
  package static func beginToEnd() { isEnding.store(true, ordering: .relaxed) }

  /// - Throws: where this program has been asked to end, even if somebody did not mind it.
  package static func check() throws(Failure) {
    var (set, limit) = (set(toEnd), timespec())
    note(sigtimedwait(&set, nil, &limit))
    let signal = asked.load(ordering: .relaxed)
    guard signal > 0 else { return }
    beginToEnd()
    throw Failure("interrupted", signal: signal)
  }

  private static func note(_ signal: Int32) {
    if toEnd.contains(signal) { asked.store(signal, ordering: .relaxed) }
  }

  /// - Returns: the signal; nil where none came within so many nanoseconds.
  package static func wait(_ nanoseconds: UInt64) -> Int32? {
    var set = set((isEnding.load(ordering: .relaxed) ? [] : toEnd) + [SIGCHLD])
    var limit = timespec(
      tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    let signal = sigtimedwait(&set, nil, &limit)
    note(signal)
    return signal < 0 ? nil : signal
  }
}

extension Job.Run {
  /// As a shell has it.
  package var exitStatus: Int32 { waitStatus & 0x7f == 0 ? waitStatus >> 8 & 0xff : 128 + waitStatus & 0x7f }
}
