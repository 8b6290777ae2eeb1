import Bench
import BenchSupport

/// What the monitor of an idle Linux keeps resident beyond the guest's own RAM.
enum Footprint {
  private static let limit = 5.0

  static func measure(_ setting: Setting, root: String, _ report: inout Report) throws(Failure) {
    let job = Job(
      name: "idle Linux",
      arguments: [
        setting.command, "boot", "--memory", "\(Setting.mebibytes)M", "--disk", root + ",ro",
        "--append",
        "rootfstype=erofs -- /bin/sh -c \"echo idle; exec sleep 1000\"", "--time-limit", "120",
      ])
    let process = try RunningJob(job)
    var said = ""
    while !said.contains("idle\r\n") {
      let more = try process.nextOutput()
      if more.isEmpty { throw Failure("\(job.name) ended: \(try process.finish(within: 10).error)") }
      said += more
    }
    let mappings = Setting.file("/proc/\(process.identifier)/smaps")
    process.kill()

    let (guest, all) = resident(mappings)
    guard let guest else { throw Failure("\(job.name): no mapping is the guest's RAM") }
    report.heading("Resident memory while Linux idles, in MiB")
    let rest = Double(all - guest) / 1024
    report.table(
      ["process", "of it guest RAM", "beyond guest RAM", "limit", ""],
      [
        [fixed(Double(all) / 1024, 2), fixed(Double(guest) / 1024, 2), fixed(rest, 2)]
          + report.verdict(rest, atMost: limit, fixed(limit, 0))
      ])
  }

  /// KiB resident of the one mapping as long as the guest's RAM, and of all.
  private static func resident(_ smaps: String) -> (guest: Int?, all: Int) {
    var (guest, all, size): (Int?, Int, Int) = (nil, 0, 0)
    for line in smaps.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 3, let value = Int(words[1]) else { continue }
      if words[0] == "Size:" { size = value }
      guard words[0] == "Rss:" else { continue }
      all += value
      if size == Setting.mebibytes << 10 { guest = value }
    }
    return (guest, all)
  }
}
