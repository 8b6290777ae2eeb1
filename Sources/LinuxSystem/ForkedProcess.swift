import CLinux
import Glibc

/// A process that began as a copy of this one.
public struct ForkedProcess: Sendable {
  public let identifier: Int32

  /// How a process ended.
  public enum End: Sendable, Equatable {
    case exited(Int32)
    case killed(signal: Int32)
  }

  /// What a process has of its own beside those of the host (namespaces(7)).
  public struct Namespaces: OptionSet, Sendable {
    public let rawValue: UInt
    public init(rawValue: UInt) { self.rawValue = rawValue }
    public static let mounts = Namespaces(rawValue: 0x0002_0000)
    public static let ipc = Namespaces(rawValue: 0x0800_0000)
    public static let users = Namespaces(rawValue: 0x1000_0000)
    public static let processes = Namespaces(rawValue: 0x2000_0000)
    public static let network = Namespaces(rawValue: 0x4000_0000)
    public static let all: Namespaces = [.mounts, .ipc, .users, .processes, .network]
  }

  /// Splits the process, whose other threads, where there are any, must do nothing but wait.
  /// - Returns: nil in the new process, which the kernel kills when this one ends.
  public static func fork(into namespaces: Namespaces = []) throws(SystemError) -> ForkedProcess? {
    let parent = getpid()
    let result = try checked(clinux_fork(namespaces.rawValue), namespaces.isEmpty ? "fork" : "clone")
    if result > 0 { return ForkedProcess(identifier: Int32(result)) }
    _ = try checked(clinux_die_with_parent(SIGKILL), "prctl", "PR_SET_PDEATHSIG")
    // The parent may have ended before; from a namespace of its own, none is seen.
    if !namespaces.contains(.processes), getppid() != parent { _exit(1) }
    return nil
  }

  /// Starts the program at `path` in a process group of its own, with `files` as its first descriptors; the kernel kills it
  /// when the calling thread ends.
  /// - Parameter mask: the signals that it does not take at first.
  /// - Throws: also where it cannot be executed.
  static func start(
    _ path: String, arguments: [String], files: [Int32], mask: SignalMask
  ) throws(SystemError) -> ForkedProcess {
    let words = ProgramWords([path] + arguments)
    defer { words.free() }
    let result = mask.withSet {
      clinux_spawn(path, words.pointers, environ, files, Int32(files.count), $0)
    }
    return ForkedProcess(identifier: Int32(try checked(result, "execve", path)))
  }

  /// Splits the process, which may have one thread only, into this one and one that lives on by itself: the first of a
  /// session, without a terminal, with /dev/null as standard input and output, and with no other descriptors but its
  /// standard error and `kept`: who waits for their ends must not wait for it.
  /// - Parameter signal: what the kernel sends it when this process ends, until ``outliveParent()``.
  /// - Returns: nil in the new process.
  public static func detach(
    keeping kept: [Int32], endingWithParent signal: Int32
  ) throws(SystemError) -> ForkedProcess? {
    let null = try FileDescriptor(opening: "/dev/null", O_RDWR).release()
    let parent = getpid()
    let result = clinux_fork(0)
    guard result == 0 else {
      close(null)
      return ForkedProcess(identifier: Int32(try checked(result, "fork")))
    }
    _ = try checked(clinux_die_with_parent(signal), "prctl", "PR_SET_PDEATHSIG")
    // The parent may have ended before.
    if getppid() != parent { _exit(1) }
    setsid()
    dup2(null, STDIN_FILENO)
    dup2(null, STDOUT_FILENO)
    closeDescriptors(except: kept)
    return nil
  }

  /// Has the kernel kill the calling process when its parent ends; a change of user takes that back.
  public static func dieWithParent() throws(SystemError) {
    _ = try checked(clinux_die_with_parent(SIGKILL), "prctl", "PR_SET_PDEATHSIG")
  }

  /// Takes back what ``detach(keeping:endingWithParent:)`` or ``dieWithParent()`` asked for.
  public static func outliveParent() { _ = clinux_die_with_parent(0) }

  public func send(_ signal: Int32) { kill(identifier, signal) }

  /// How the process ended; nil while it lives.
  public func end() -> End? {
    var status: Int32 = 0
    guard waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
    return Self.end(status)
  }

  /// Waits until the process has ended.
  public func wait() -> End {
    var usage = rusage()
    return wait(&usage)
  }

  /// As ``wait()``, and tells what the process has used.
  func wait(_ usage: inout rusage) -> End {
    var status: Int32 = 0
    while wait4(identifier, &status, 0, &usage) < 0, errno == EINTR {}
    return Self.end(status)
  }

  private static func end(_ status: Int32) -> End {
    status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .killed(signal: status & 0x7f)
  }

  /// Ends this process in the way another has ended.
  public static func end(as end: End) -> Never {
    switch end {
    case .exited(let status): exit(status)
    case .killed(let number):
      var none = rlimit(rlim_cur: 0, rlim_max: 0)
      setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
      signal(number, SIG_DFL)
      SignalMask.only(number).unblock()
      raise(number)
      exit(128 + number)
    }
  }

  /// Gives the users and groups of the process's namespace their numbers on the host: all of them where this process may
  /// do that, else its own.
  public func mapIdentities() throws(SystemError) {
    let folder = "/proc/\(identifier)"
    do throws(SystemError) {
      try Self.write("0 0 4294967295", to: folder + "/uid_map")
    } catch {
      guard error.code == EPERM else { throw error }
      try Self.write("\(geteuid()) \(geteuid()) 1", to: folder + "/uid_map")
      try Self.write("deny", to: folder + "/setgroups")
      return try Self.write("\(getegid()) \(getegid()) 1", to: folder + "/gid_map")
    }
    try Self.write("0 0 4294967295", to: folder + "/gid_map")
  }

  private static func write(_ text: String, to path: String) throws(SystemError) {
    do throws(SystemError) {
      try FileDescriptor(opening: path, O_WRONLY).writeAll(Array(text.utf8))
    } catch {
      throw SystemError(call: error.call, operand: path, code: error.code)
    }
  }
}

/// The signals that a thread does not take now.
public struct SignalMask: Sendable {
  private var set = sigset_t()

  /// The calling thread's, and `signals` besides.
  public init(adding signals: [Int32] = []) {
    pthread_sigmask(SIG_BLOCK, nil, &set)
    for signal in signals { sigaddset(&set, signal) }
  }

  /// Of who takes every signal.
  static var none: SignalMask {
    var mask = SignalMask()
    sigemptyset(&mask.set)
    return mask
  }

  /// Of who takes none.
  static var all: SignalMask {
    var mask = SignalMask()
    sigfillset(&mask.set)
    return mask
  }

  static func only(_ signal: Int32) -> SignalMask {
    var mask = none
    sigaddset(&mask.set, signal)
    return mask
  }

  /// Makes it the calling thread's.
  public func apply() {
    var set = set
    pthread_sigmask(SIG_SETMASK, &set, nil)
  }

  func withSet<Result>(_ body: (UnsafePointer<sigset_t>) -> Result) -> Result {
    withUnsafePointer(to: set, body)
  }

  func unblock() {
    var set = set
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }
}
