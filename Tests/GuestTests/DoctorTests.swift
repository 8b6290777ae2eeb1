import Foundation
import Testing

/// `swiftlet doctor` on this host, and on hosts made from it that lack something.
struct DoctorTests {
  private struct Report: Decodable {
    struct Item: Decodable {
      let name: String
      let status: String
      let value: String
      let mend: String?
    }
    let canBoot: Bool
    let items: [Item]

    subscript(name: String) -> Item? { items.first { $0.name == name } }
  }

  private func report(_ command: String) throws -> (report: Report, status: Int32) {
    let result = try Fixtures().run(command)
    #expect(result.error == "")
    return (try JSONDecoder().decode(Report.self, from: Data(result.output.utf8)), result.status)
  }

  private static let probes = [
    "guest kernel mode", "SYSCALL", "CPUID masks", "kernel instructions", "exit round trip",
  ]
  private static let names =
    [
      "hardware virtualization", "/dev/kvm", "needed capabilities",
      "KVM_CAP_TSC_DEADLINE_TIMER", "KVM_CAP_BINARY_STATS_FD", "processors per machine",
    ] + probes + [
      "/dev/net/tun", "huge pages", "lockable memory", "seccomp", "Landlock", "user namespaces",
      "passt", "monitor program",
    ]

  @Test(.enabled(if: hasKVM, "/dev/kvm is not usable here")) func tellsOfThisHost() throws {
    let (report, status) = try report("$S doctor --json")
    #expect(status == 0 && report.canBoot)
    #expect(report.items.map(\.name) == Self.names)
    #expect(report.items.allSatisfy { ["ok", "notice"].contains($0.status) && !$0.value.isEmpty })
    #expect(report.items.allSatisfy { $0.status == "notice" || $0.mend == nil })
    let features =
      try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).split(separator: "\n")
      .first { $0.hasPrefix("flags") }?.split(separator: " ") ?? []
    let isHardware = features.contains("vmx") || features.contains("svm")
    #expect(report["hardware virtualization"]?.status == (isHardware ? "ok" : "notice"))
    if isHardware { for name in Self.probes { #expect(report[name]?.status == "ok") } }
  }

  @Test(.enabled(if: hasKVM, "/dev/kvm is not usable here")) func linesSayTheSameAsTheObject() throws {
    let (report, _) = try report("$S doctor --json")
    let lines = try Fixtures().run("$S doctor").output.split(separator: "\n")
    #expect(lines.last == "This host can boot guests.")
    let told = lines.dropLast().filter { !$0.hasPrefix(" ") }
    #expect(told.count == report.items.count)
    for (line, item) in zip(told, report.items) {
      #expect(line.hasPrefix(item.status) && line.contains("  \(item.name)  "), "\(line)")
    }
    let mended = lines.filter { $0.hasPrefix("         to mend: ") }
    #expect(mended.count == report.items.count { $0.mend != nil })
  }

  @Test(
    .enabled(if: getuid() == 0, "only root can drop privileges and mount"),
    arguments: [
      ("mount -t tmpfs tmpfs /dev", "", "No such file or directory", "modprobe kvm_intel"),
      ("mount --bind /dev/null /dev/kvm", "", "another device has this name", "rm /dev/kvm"),
      (
        "mknod -m 600 /mnt/kvm c 10 232; mount --bind /mnt/kvm /dev/kvm",
        "setpriv --reuid 65534 --regid 65534 --clear-groups", "Permission denied",
        "usermod -aG kvm \"$USER\""
      ),
    ])
  func saysHowToMendAHostWithoutKVM(
    _ change: String, _ identity: String, _ value: String, _ mend: String
  ) throws {
    let copy = "mount -t tmpfs tmpfs /mnt; cp $S /mnt"
    let (report, status) = try report(
      "unshare -m sh -c '\(copy); \(change); \(identity) /mnt/swiftlet doctor --json'")
    #expect(status == 69 && !report.canBoot)
    let item = try #require(report["/dev/kvm"])
    #expect(item.status == "missing" && item.value == value)
    #expect(item.mend?.contains(mend) == true)
    // Only one of the two programs has been copied.
    #expect(report["monitor program"]?.status == "missing")
    #expect(!report.items.contains { Self.probes.contains($0.name) })
  }
}
