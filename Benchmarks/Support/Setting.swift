package import Bench
import Configuration
import Glibc
import LinuxSystem

/// Where the programs and guests to measure are, and the machine they all get: one processor, 128 MiB.
package struct Setting {
  package static let mebibytes = 128

  /// The folder with `swiftlet`, `swiftlet-vmm` and what is built for the benchmark.
  package let programs: String
  /// The folder of the bare guests.
  package let guests: String
  package let rounds: Int

  package init(programs: String, guests: String, rounds: Int) {
    self.programs = programs
    self.guests = guests
    self.rounds = rounds
  }

  package var command: String { programs + "/swiftlet" }
  package var monitor: String { programs + "/swiftlet-vmm" }
  package var twin: String { guests + "/twin" }
  package var nothing: String { programs + "/bench/true" }

  /// The monitor, started without the command before it.
  package func monitorJob(guest: String, commandLine: String = "", timeline: Bool = false) throws(Failure)
    -> Job
  {
    do throws(Diagnostic) {
      let description = try MachineDescription(
        kernel: .path("\(guests)/\(guest)"), commandLine: commandLine,
        memory: UInt64(Setting.mebibytes) << 20,
        timeline: timeline)
      return Job(
        name: "`swiftlet-vmm`", arguments: [monitor, "--description-fd", "3"], description: description)
    } catch {
      throw Failure("\(error)")
    }
  }

  package func twinJob(guest: String, commandLine: String = "") -> Job {
    Job(
      name: "the C program", arguments: [twin, "\(guests)/\(guest)", "\(Setting.mebibytes)", commandLine])
  }

  /// Lets what is measured, and this program, run before what else the host does, where that is allowed. (Not at
  /// real-time priority: control groups, which containers are put into, may refuse that.)
  package static func takePriority() -> Bool {
    setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, -20) == 0
  }

  /// The path of a program of Debian's, or of one built here; nil where it is not installed.
  package static func installed(_ name: String) -> String? {
    let places: [String] = ["/usr/bin/\(name)", "/usr/local/bin/\(name)"]
    return places.first { access($0, X_OK) == 0 }
  }

  /// One line on the host and what else it does now.
  package static var host: String {
    let processors = file("/proc/cpuinfo").split(separator: "\n").filter { $0.hasPrefix("model name") }
    let model =
      processors.first?.split(separator: ":").last.map { $0.drop { $0 == " " } } ?? "unknown processor"
    let kernel = file("/proc/sys/kernel/osrelease").split(separator: "\n").first ?? "?"
    let load = file("/proc/loadavg").split(separator: " ").first ?? "?"
    return "Linux \(kernel), \(processors.count) x \(model), load average \(load)"
  }

  /// The contents of a small file; empty where there is none.
  package static func file(_ path: String) -> String {
    guard let file = try? FileDescriptor(opening: path, O_RDONLY),
      let bytes = try? file.contents(limit: 1 << 22)
    else { return "" }
    return String(decoding: bytes, as: UTF8.self)
  }
}
