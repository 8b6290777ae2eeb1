import Bench
import BenchSupport

/// What Linux costs until its first process runs: counted, not timed, where KVM interprets the guest's kernel.
enum LinuxBoot {
  private static let limit = 9.0

  static func measure(_ setting: Setting, root: String, _ report: inout Report) throws(Failure) {
    let job = Job(
      name: "Linux",
      arguments: [
        setting.command, "boot", "--memory", "\(Setting.mebibytes)M", "--disk", root + ",ro",
        "--append",
        "rootfstype=erofs", "--timeline", "--time-limit", "120",
      ])
    guard let reached = try job.run().step("user space reached") else {
      throw Failure("\(job.name) tells no time of its first process")
    }
    report.heading("Linux until its first process runs (1 processor, virtio console, disk and entropy)")
    guard let instructions = reached.instructions else {
      return report.table(["seconds"], [[fixed(reached.seconds, 2)]])
    }
    let count = Double(instructions) / 1e6
    report.table(
      ["million guest instructions interpreted", "seconds", "limit", ""],
      [
        [fixed(count, 2), fixed(reached.seconds, 1)]
          + report.verdict(count, atMost: limit, "\(fixed(limit, 0)) million")
      ])
  }
}
