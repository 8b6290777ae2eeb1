package import Glibc
import LinuxSystem
import Synchronization

/// A process with all that it started, as /proc shows them.
package struct ProcessTree: Sendable {
  /// Of all processes together, the most that was seen at a time.
  package private(set) var threads = 0
  /// Resident memory in bytes, where what several processes share is counted in each.
  package private(set) var memory: UInt64 = 0
  private let own = Program.identity("/proc/self/exe")

  /// Processes that this program has from who became it by exec: they are nobody's here.
  private static let inherited = Mutex<Set<pid_t>>([])

  /// Notes what there is before anything is started.
  package static func begin() { inherited.withLock { $0 = Set(children(of: getpid())) } }

  package init() {}

  /// Looks at all that this program has started, as it is now. One that has not begun its own program yet is left out.
  package mutating func look() {
    var (threads, memory) = (0, UInt64(0))
    for process in ProcessTree.offspring() {
      // One that has ended, and only waits to be told of, has none.
      guard let program = Program.identity("/proc/\(process)/exe"), program != own else { continue }
      let status = Program.file("/proc/\(process)/status")
      threads += ProcessTree.number("Threads:", status) ?? 0
      memory += UInt64(ProcessTree.number("VmHWM:", status) ?? 0) << 10
    }
    self.threads = max(self.threads, threads)
    self.memory = max(self.memory, memory)
  }

  /// Ends a process, a child of this one, and its descendants.
  /// - Returns: whether it is gone: who may not be killed, and whom the kernel does not let go, is waited for a while only.
  static func end(_ root: pid_t) -> Bool {
    for process in [root] + descendants(of: root) { _ = Glibc.kill(process, SIGKILL) }
    for _ in 0..<5000 {
      if waitpid(root, nil, WNOHANG) != 0 { return true }
      usleep(1000)
    }
    return false
  }

  /// All that this program has started, and what came of it.
  private static func offspring() -> [pid_t] {
    let others = inherited.withLock { $0 }
    return children(of: getpid()).filter { !others.contains($0) }.flatMap { [$0] + descendants(of: $0) }
  }

  static func descendants(of root: pid_t) -> [pid_t] {
    children(of: root).flatMap { [$0] + descendants(of: $0) }
  }

  /// Each process is the child of the thread that made it.
  private static func children(of process: pid_t) -> [pid_t] {
    let threads = (try? FileDescriptor.names(in: "/proc/\(process)/task")) ?? []
    return threads.flatMap { thread in
      Program.file("/proc/\(process)/task/\(thread)/children").split(separator: " ").compactMap { pid_t($0) }
    }
  }

  /// Waits for all that this program has started to end by itself, and then ends it: its own children, and theirs, where it
  /// takes in whose parent has ended.
  /// - Parameter grace: nanoseconds that are waited.
  /// - Returns: what the programs were called that had to be ended, or could not be.
  package static func endOffspring(after grace: UInt64) -> [String] {
    let deadline = Clock.monotonicNanoseconds() &+ grace
    var ended: [pid_t: String] = [:]
    while true {
      while waitpid(-1, nil, WNOHANG) > 0 {}
      let living = offspring()
      let now = Clock.monotonicNanoseconds()
      // Who may not be killed, and whom the kernel does not let go, is not waited for forever.
      if living.isEmpty || now > deadline &+ 5_000_000_000 { return Set(ended.values).sorted() }
      if now >= deadline {
        for process in living where ended[process] == nil {
          let name = Program.file("/proc/\(process)/comm").split(separator: "\n").first
          _ = Glibc.kill(process, SIGKILL)
          if let name { ended[process] = String(name) }
        }
      }
      usleep(1000)
    }
  }

  /// Threads and open descriptors of one process as it is now; nil where it is gone or may not be looked at.
  package static func counts(of process: pid_t) -> (threads: Int, descriptors: Int)? {
    guard let threads = number("Threads:", Program.file("/proc/\(process)/status")),
      let descriptors = (try? FileDescriptor.names(in: "/proc/\(process)/fd"))?.count
    else { return nil }
    return (threads, descriptors)
  }

  private static func number(_ name: String, _ status: String) -> Int? {
    guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
    return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
  }
}

/// What a monitor keeps resident beyond the RAM of its guest, as /proc shows it.
package struct MonitorMemory: Sendable {
  /// Bytes, the most that was seen; nil where nothing was.
  package private(set) var peak: UInt64?
  private let own = Program.identity("/proc/self/exe")

  package init() {}

  /// Looks at the process as it is now.
  package mutating func look(at process: pid_t) {
    guard let program = Program.identity("/proc/\(process)/exe"), program != own else { return }
    if let beyond = MappedShares(Program.file("/proc/\(process)/smaps"))?.residentBeyondGuest {
      peak = max(peak ?? 0, beyond)
    }
  }
}

/// A monitor's memory, in bytes. Its guest's RAM is the mapping that is longer than all others.
package struct MappedShares: Sendable, Equatable {
  /// How long the mapping is that is taken for the guest's RAM.
  package private(set) var guestSize: UInt64 = 0
  /// In memory, whoever else has it too.
  package private(set) var resident: UInt64 = 0
  /// The same, where what n processes have counts for a part of n in each.
  package private(set) var proportional: UInt64 = 0
  package private(set) var residentBeyondGuest: UInt64 = 0
  package private(set) var proportionalBeyondGuest: UInt64 = 0

  /// - Parameter smaps: the text of /proc/PID/smaps.
  /// - Returns: nil where there are no mappings, or the longest is shorter than any guest's RAM: the monitor has no guest
  ///   yet, or not any more.
  package init?(_ smaps: String) {
    var (size, longest, ofLongest) = (UInt64(0), UInt64(0), (resident: UInt64(0), proportional: UInt64(0)))
    for line in smaps.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 3, words[2] == "kB", let value = UInt64(words[1]) else { continue }
      switch words[0] {
      case "Size:":
        size = value
        if size > longest { (longest, ofLongest) = (size, (0, 0)) }
      case "Rss:":
        resident += value << 10
        if size == longest { ofLongest.resident = value << 10 }
      case "Pss:":
        proportional += value << 10
        if size == longest { ofLongest.proportional = value << 10 }
      default: break
      }
    }
    guard longest >= 16 << 10 else { return nil }
    guestSize = longest << 10
    residentBeyondGuest = resident - ofLongest.resident
    proportionalBeyondGuest = proportional - ofLongest.proportional
  }
}
