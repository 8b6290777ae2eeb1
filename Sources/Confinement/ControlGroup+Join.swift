public import Configuration
import Glibc
import LinuxSystem

extension ControlGroup {
  /// Puts the calling process into the group of each hierarchy that has a controller of interest, and sets the limits.
  public func join() throws(Diagnostic) {
    do throws(SystemError) {
      let hierarchies = try Hierarchy.mounted()
      for limit in limits {
        guard hierarchies.contains(where: { $0.has(limit.controller) }) else {
          throw SystemError(call: "cgroup", operand: "controller \(limit.controller)", code: ENOENT)
        }
      }
      guard !hierarchies.isEmpty else {
        throw SystemError(call: "cgroup", operand: "no hierarchy", code: ENOENT)
      }
      for hierarchy in hierarchies {
        let wanted = limits.filter { hierarchy.has($0.controller) }
        let folder = try hierarchy.make(path, for: wanted.map(\.controller))
        for limit in wanted {
          try write(hierarchy.isVersion2 ? limit.version2 : limit.version1, in: folder)
        }
        try write([("cgroup.procs", "0")], in: folder)
      }
    } catch {
      throw Diagnostic(
        .hostResource, "cannot use the control group", which: path,
        mend: "\(error): have the group made and given to this user")
    }
  }

  /// One limit, as files and what is written into them.
  private struct Limit {
    let controller: String
    let version1: [(file: String, value: String)]
    let version2: [(file: String, value: String)]
  }

  private static let period: UInt64 = 100_000

  private var limits: [Limit] {
    var limits: [Limit] = []
    if let memory {
      limits.append(
        Limit(
          controller: "memory", version1: [("memory.limit_in_bytes", "\(memory)")],
          version2: [("memory.max", "\(memory)")]))
    }
    if let processorThousandths {
      let quota = UInt64(processorThousandths) * Self.period / 1000
      limits.append(
        Limit(
          controller: "cpu",
          version1: [("cpu.cfs_period_us", "\(Self.period)"), ("cpu.cfs_quota_us", "\(quota)")],
          version2: [("cpu.max", "\(quota) \(Self.period)")]))
    }
    if let tasks {
      limits.append(
        Limit(controller: "pids", version1: [("pids.max", "\(tasks)")], version2: [("pids.max", "\(tasks)")]))
    }
    return limits
  }

  private func write(_ values: [(file: String, value: String)], in folder: String) throws(SystemError) {
    for (file, value) in values { try Hierarchy.write(value, to: "\(folder)/\(file)") }
  }
}

/// A mounted tree of control groups.
private struct Hierarchy {
  /// Those that the monitor can be limited by.
  private static let known = ["memory", "cpu", "pids"]

  let root: String
  let isVersion2: Bool
  let controllers: [String]

  func has(_ controller: String) -> Bool { controllers.contains(controller) }

  /// Those of version 1 with a controller of interest, and that of version 2, where it has one or is alone.
  static func mounted() throws(SystemError) -> [Hierarchy] {
    let text = try contents("/proc/self/mountinfo")
    var found: [Hierarchy] = []
    for line in text.split(separator: "\n") {
      // Fields before the dash: the fifth is the mount point; behind it: type, source, options (proc(5)).
      let halves = line.split(separator: " - ", maxSplits: 1)
      let fields = halves.first?.split(separator: " ") ?? []
      let kind = halves.last?.split(separator: " ") ?? []
      guard fields.count > 4, kind.count > 2 else { continue }
      let root = String(fields[4])
      if kind[0] == "cgroup2" {
        let offered = try contents(root + "/cgroup.controllers").split { " \n".contains($0) }.map(String.init)
        found.append(Hierarchy(root: root, isVersion2: true, controllers: known.filter(offered.contains)))
      } else if kind[0] == "cgroup" {
        let options = kind[2].split(separator: ",").map(String.init)
        let controllers = known.filter(options.contains)
        if !controllers.isEmpty {
          found.append(Hierarchy(root: root, isVersion2: false, controllers: controllers))
        }
      }
    }
    return found.filter { !$0.controllers.isEmpty || found.count == 1 }
  }

  /// Makes the group, and in version 2 has those above it pass the controllers down.
  func make(_ path: String, for controllers: [String]) throws(SystemError) -> String {
    var folder = root
    for name in path.split(separator: "/") {
      if isVersion2 { for controller in controllers { try passDown(controller, in: folder) } }
      folder += "/\(name)"
      try Folders.make(folder)
    }
    return folder
  }

  private func passDown(_ controller: String, in folder: String) throws(SystemError) {
    let file = folder + "/cgroup.subtree_control"
    if try Self.contents(file).split(whereSeparator: { " \n".contains($0) }).contains(Substring(controller)) {
      return
    }
    try Self.write("+" + controller, to: file)
  }

  static func write(_ text: String, to path: String) throws(SystemError) {
    do throws(SystemError) {
      try FileDescriptor(opening: path, O_WRONLY).writeAll(Array(text.utf8))
    } catch {
      throw SystemError(call: error.call, operand: path, code: error.code)
    }
  }

  private static func contents(_ path: String) throws(SystemError) -> String {
    String(decoding: try FileDescriptor(opening: path, O_RDONLY).contents(limit: 1 << 20), as: UTF8.self)
  }
}
