package import Configuration
package import Glibc
import LinuxSystem

/// One program to measure, started anew for every run.
package struct Job {
  package let name: String
  /// The program's path first.
  package let arguments: [String]
  /// What the program inherits as descriptor 3: a machine description for the monitor.
  package var description: MachineDescription?
  /// What it must say on standard output.
  package var expected = ""
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

  package struct Run {
    /// From before the process exists until it has left nothing behind, in nanoseconds.
    package let duration: UInt64
    package let output: String
    package let error: String
  }

  /// Runs the program to its end.
  /// - Throws: where it cannot be started, does not end within so many seconds, or ends with another status than 0.
  package func run(within seconds: Int = 60) throws(Failure) -> Run {
    let process = try RunningJob(self)
    return try process.finish(within: seconds)
  }
}

/// What keeps the benchmark from being one.
package struct Failure: Error, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
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
    RunningJob.blockChildSignal()
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    var pointers = job.arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var identifier: pid_t = 0
    let start = Clock.monotonicNanoseconds()
    let code = posix_spawn(&identifier, job.arguments[0], &actions, &attributes, &pointers, environ)
    guard code == 0 else { throw Failure("cannot start \(job.arguments[0]): error \(code)") }
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
    _ = Glibc.kill(identifier, SIGKILL)
    waitpid(identifier, nil, 0)
  }

  package consuming func finish(within seconds: Int) throws(Failure) -> Job.Run {
    var status: Int32 = 0
    var limit = timespec(tv_sec: seconds, tv_nsec: 0)
    var child = sigset_t()
    sigemptyset(&child)
    sigaddset(&child, SIGCHLD)
    while waitpid(identifier, &status, WNOHANG) == 0 {
      if sigtimedwait(&child, nil, &limit) < 0, errno == EAGAIN {
        _ = Glibc.kill(identifier, SIGKILL)
        waitpid(identifier, &status, 0)
        throw Failure("\(name) does not end")
      }
    }
    let duration = Clock.monotonicNanoseconds() &- started
    let (said, complained) = (try RunningJob.text(output), try RunningJob.text(error))
    guard status == 0 else { throw Failure("\(name) ended with wait status \(status): \(complained)") }
    return Job.Run(duration: duration, output: said, error: complained)
  }

  private static func text(_ file: borrowing FileDescriptor) throws(Failure) -> String {
    do throws(SystemError) {
      return String(decoding: try file.contents(limit: 1 << 20), as: UTF8.self)
    } catch {
      throw Failure("cannot read what a program said: \(error)")
    }
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

  private static func blockChildSignal() {
    var child = sigset_t()
    sigemptyset(&child)
    sigaddset(&child, SIGCHLD)
    pthread_sigmask(SIG_BLOCK, &child, nil)
  }
}
