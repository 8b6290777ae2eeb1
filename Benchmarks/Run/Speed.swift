import Bench
import BenchSupport

/// How fast a program computes inside a machine, beside the same on the host and in QEMU without KVM.
enum Speed {
  /// Rounds of the program's work, and of it under emulation, where each takes many times as long.
  private static let (work, emulatedWork) = (10_000, 500)

  static func measure(_ setting: Setting, root: String, kernel: String, _ report: inout Report)
    throws(Failure)
  {
    let programs = setting.programs + "/bench"
    let outside = Job(name: "on the host", arguments: ["\(programs)/compute", "\(work)"])
    let inside = Job(
      name: "`swiftlet run`",
      arguments: [setting.command, "run", "-v", "\(programs):/bench", root, "/bench/compute", "\(work)"])
    // Nanoseconds for a round of the work; and the ratios of two that follow each other, of which each is the first
    // every other time: what the host does besides changes within a minute by more than what is measured.
    var samples = [Samples(), Samples(), Samples()]
    var speed = Samples()
    let pairs = 4 * setting.rounds
    for pair in 0..<pairs {
      var times = [0.0, 0.0]
      for turn in 0..<2 {
        let place = (pair + turn) % 2
        times[place] = try time(of: place == 0 ? outside : inside) / Double(work)
        samples[place].append(times[place])
      }
      speed.append(times[0] / times[1])
    }
    let emulator = emulation(initrd: "\(programs)/compute.cpio", kernel: kernel)
    for _ in 0..<setting.rounds {
      if let emulator { samples[2].append(try time(of: emulator) / Double(emulatedWork)) }
    }

    report.heading("Speed of a program that computes (medians of \(pairs) pairs of runs)")
    var rows = [
      [outside.name, fixed(samples[0].median / 1000, 1), "1.000", "", ""],
      [inside.name, fixed(samples[1].median / 1000, 1), fixed(speed.median, 3)]
        + report.verdict(speed.median, atLeast: 0.97, "0.97"),
    ]
    if let emulator {
      let ratio = samples[0].median / samples[2].median
      rows.append([emulator.name, fixed(samples[2].median / 1000, 1), fixed(ratio, 3), "", ""])
    }
    report.table(["program", "µs for a round of the work", "speed", "limit", ""], rows)
    if emulator == nil { print("\nQEMU is not installed here: no emulation to compare with.") }
  }

  /// The program as the first process of a machine of QEMU's, without KVM; nil where QEMU is not installed.
  private static func emulation(initrd: String, kernel: String) -> Job? {
    guard let qemu = Setting.installed("qemu-system-x86_64") else { return nil }
    return Job(
      name: "QEMU without KVM",
      arguments: [
        qemu, "-accel", "tcg", "-M", "microvm,isa-serial=on,pit=on,pic=on,rtc=on", "-m",
        "\(Setting.mebibytes)M", "-kernel", kernel, "-initrd", initrd, "-no-reboot", "-display", "none",
        "-serial", "stdio", "-monitor", "none", "-append",
        "console=ttyS0 8250.nr_uarts=1 quiet reboot=t panic=-1 -- \(emulatedWork)",
      ])
  }

  /// Nanoseconds that the program says, which may be one line of a console.
  private static func time(of job: Job) throws(Failure) -> Double {
    let run = try job.run(within: 300)
    let lines = run.output.split(whereSeparator: \.isNewline)
    guard let time = lines.lazy.compactMap({ Double($0) }).first, time > 0 else {
      throw Failure("\(job.name) says no time: \(run.output) \(run.error)")
    }
    return time
  }
}
