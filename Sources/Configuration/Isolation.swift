/// The walls that the monitor puts around itself before its guest runs.
public struct Isolation: Sendable, Equatable {
  /// Whether there are any: no capabilities, no new privileges, no files but those of devices, and no system calls but
  /// those that the machine needs.
  public let isOn: Bool
  /// Whether the monitor has namespaces of its own besides, and an empty root directory.
  public let hasJail: Bool
  /// Whom the monitor is to be once everything is open; nil to stay as it is.
  public let user: UInt32?
  public let group: UInt32?
  public let controlGroup: ControlGroup?

  /// Throws a `Diagnostic` with status `usage` for parts that do not agree.
  public init(
    isOn: Bool = true, hasJail: Bool = false, user: UInt32? = nil, group: UInt32? = nil,
    controlGroup: ControlGroup? = nil
  ) throws(Diagnostic) {
    let wants = [hasJail ? "--jail" : nil, user == nil ? nil : "--uid", group == nil ? nil : "--gid"]
    if !isOn, let option = wants.compactMap({ $0 }).first {
      throw Diagnostic(
        .usage, "options that exclude each other", which: "--no-confinement, \(option)", mend: "leave one out"
      )
    }
    if user != nil, group == nil {
      throw Diagnostic(
        .usage, "a user without a group", which: "--uid", mend: "add --gid: the group stays otherwise")
    }
    for (number, option) in [(user, "--uid"), (group, "--gid")] where number == .max {
      throw Diagnostic(.usage, "no such number", which: option, mend: "use at most \(UInt32.max - 1)")
    }
    self.isOn = isOn
    self.hasJail = hasJail
    self.user = user
    self.group = group
    self.controlGroup = controlGroup
  }

  private init() {
    (isOn, hasJail, user, group, controlGroup) = (true, false, nil, nil, nil)
  }

  /// What is in force where nothing else is said.
  public static let standard = Isolation()
}

/// A control group of the host that the monitor runs in (cgroups(7)).
public struct ControlGroup: Sendable, Equatable {
  /// Below the root of each hierarchy.
  public let path: String
  /// The most memory, in bytes.
  public let memory: UInt64?
  /// The most processor time, in thousandths of a processor.
  public let processorThousandths: UInt32?
  /// The most tasks, which are the monitor's threads.
  public let tasks: UInt32?
  private static let example = "name a group, like machines/one"
  /// What a monitor may be killed below before its guest runs.
  private static let leastMemory: UInt64 = 16 << 20

  /// Throws a `Diagnostic` with status `usage` for a path or limit that cannot be one.
  public init(
    path: String, memory: UInt64? = nil, processorThousandths: UInt32? = nil, tasks: UInt32? = nil
  ) throws(Diagnostic) {
    try Check.path(path, of: "cgroup", mend: Self.example)
    let steps = path.split(separator: "/", omittingEmptySubsequences: false)
    guard steps.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw Diagnostic(
        .usage, "bad cgroup path", which: path, mend: "\(Self.example), below the hierarchy's root")
    }
    guard memory.map({ $0 >= Self.leastMemory && $0 < 1 << 62 }) ?? true else {
      throw Diagnostic(
        .usage, "bad cgroup limit", which: "memory",
        mend:
          "use at least \(Self.leastMemory >> 20)M: with less the kernel kills the monitor before its guest runs"
      )
    }
    guard processorThousandths.map({ (10...1_000_000).contains($0) }) ?? true else {
      throw Diagnostic(.usage, "bad cgroup limit", which: "cpus", mend: "use 0.01 to 1000")
    }
    guard tasks != 0 else {
      throw Diagnostic(.usage, "bad cgroup limit", which: "pids", mend: "use a number above 0")
    }
    self.path = path
    self.memory = memory
    self.processorThousandths = processorThousandths
    self.tasks = tasks
  }
}
