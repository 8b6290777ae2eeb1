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
    // "MILLISECONDS ms +MILLISECONDS INSTRUCTIONS user space reached"; the number is left out where KVM counts none.
    let lines = try job.run().error.split(separator: "\n").map { $0.split(separator: " ") }
    guard let words = lines.first(where: { $0.suffix(3) == ["user", "space", "reached"] }),
      let time = words.first.flatMap({ Double($0) })
    else { throw Failure("\(job.name) tells no time of its first process") }
    report.heading("Linux until its first process runs (1 processor, virtio console, disk and entropy)")
    guard let instructions = words.dropLast(3).last.flatMap({ Int($0) }) else {
      return report.table(["seconds"], [[fixed(time / 1e3, 2)]])
    }
    let count = Double(instructions) / 1e6
    report.table(
      ["million guest instructions interpreted", "seconds", "limit", ""],
      [
        [fixed(count, 2), fixed(time / 1e3, 1)]
          + report.verdict(count, atMost: limit, "\(fixed(limit, 0)) million")
      ])
  }
}
