package import Glibc

/// A process with all that it started, as /proc shows them.
package struct ProcessTree: Sendable {
  /// Of all processes together, the most that was seen at a time.
  package private(set) var threads = 0
  /// Resident memory in bytes, where what several processes share is counted in each.
  package private(set) var memory: UInt64 = 0
  private let own = Program.target("/proc/self/exe")

  package init() {}

  /// Looks at the process and its descendants as they are now. One that has not begun its own program yet is left out.
  package mutating func look(at root: pid_t) {
    var (threads, memory) = (0, UInt64(0))
    for process in [root] + ProcessTree.descendants(of: root) {
      // One that has ended, and only waits to be told of, has none.
      guard let program = Program.target("/proc/\(process)/exe"), program != own else { continue }
      let status = Program.file("/proc/\(process)/status")
      threads += ProcessTree.number("Threads:", status) ?? 0
      memory += UInt64(ProcessTree.number("VmHWM:", status) ?? 0) << 10
    }
    self.threads = max(self.threads, threads)
    self.memory = max(self.memory, memory)
  }

  /// Ends a process and its descendants.
  static func kill(_ root: pid_t) {
    for process in [root] + descendants(of: root) { _ = Glibc.kill(process, SIGKILL) }
  }

  static func descendants(of root: pid_t) -> [pid_t] {
    let children = Program.file("/proc/\(root)/task/\(root)/children").split(separator: " ")
    return children.compactMap { pid_t($0) }.flatMap { [$0] + descendants(of: $0) }
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
  private let own = Program.target("/proc/self/exe")

  package init() {}

  /// Looks at the process as it is now. The guest's RAM is the mapping that is longer than all others.
  package mutating func look(at process: pid_t) {
    guard let program = Program.target("/proc/\(process)/exe"), program != own else { return }
    if let beyond = MonitorMemory.beyondLongest(Program.file("/proc/\(process)/smaps")) {
      peak = max(peak ?? 0, beyond)
    }
  }

  /// Bytes resident of all mappings but the longest; nil where there are none, or the longest is shorter than any
  /// guest's RAM: the monitor has no guest yet, or not any more.
  static func beyondLongest(_ smaps: String) -> UInt64? {
    var (longest, ofLongest, all, size) = (0, 0, 0, 0)
    for line in smaps.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 3, words[2] == "kB", let value = Int(words[1]) else { continue }
      if words[0] == "Size:" { size = value }
      guard words[0] == "Rss:" else { continue }
      all += value
      if size > longest { (longest, ofLongest) = (size, value) }
    }
    return longest < 16 << 10 ? nil : UInt64(all - ofLongest) << 10
  }
}
