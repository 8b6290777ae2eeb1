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
    try process.waitUntilItSays("idle\r\n", within: 120)
    let shares = MappedShares(Setting.file("/proc/\(process.identifier)/smaps"))
    process.kill()
    guard let shares, shares.guestSize == UInt64(Setting.mebibytes) << 20 else {
      throw Failure("\(job.name): no mapping is the guest's RAM")
    }
    let (all, rest) = (Double(shares.resident) / 1_048_576, Double(shares.residentBeyondGuest) / 1_048_576)
    report.heading("Resident memory while Linux idles, in MiB")
    report.table(
      ["process", "of it guest RAM", "beyond guest RAM", "limit", ""],
      [
        [fixed(all, 2), fixed(all - rest, 2), fixed(rest, 2)]
          + report.verdict(rest, atMost: limit, fixed(limit, 0))
      ])
  }
}
