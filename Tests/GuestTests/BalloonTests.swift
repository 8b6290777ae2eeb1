import Foundation
import Testing

/// Memory of a Linux guest that the host gets, and gives again.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct BalloonGuestTests {
  /// How often the guest writes 576 KiB of a line that is repeated.
  static let pieces = runsLongTests ? 99 : 14
  /// Of all it writes.
  static let digest = runsLongTests ? "88376c73897dc0d6bb4443998d9cf67e" : "81c8a0f00abd96a720e0883a18ef161d"

  /// The guest is given what fills most of its memory once, lends 64 MiB when told to, gets them back and writes more
  /// than it had without them. What is resident in the host shows each step.
  @Test func lends64Of128MebibytesAndTakesThemBack() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let control = folder.appendingPathComponent("balloon").path
    #expect(mkfifo(control, 0o600) == 0)
    let orders = try #require(FileHandle(forUpdatingAtPath: control))
    let filling = try Self.filling(in: folder)
    func free(_ test: String) -> String {
      "while F=$(sed -n 's/^MemFree: *\\([0-9]*\\).*/\\1/p' /proc/meminfo); ! [ $F \(test) ]; do sleep 1; done"
    }
    let command =
      "mount -t tmpfs -o size=100M t /tmp; echo STEP filled; \(free("-lt 52000")); echo STEP lent; "
      + "\(free("-gt 100000")); yes swiftlet | head -c 589824 > /tmp/p; "
      + "for i in $(seq \(Self.pieces)); do cat /tmp/p; done > /tmp/f; md5sum < /tmp/f; sleep 1; "
      + "echo STEP back; sleep 1"
    var resident: [String: Int] = [:]
    let result = try Program().run(
      [
        "boot", "--kernel", Built.folder("guest-kernels/linux/build", "up") + "/vmlinux", "--initrd", filling,
        "--disk", Built.folder("guest-kernels/rootfs/build") + "/root.erofs,ro", "--balloon",
        "0,deflate-on-oom,stats=5,control=\(control)", "--time-limit", "\(patience)", "--cmdline",
        "root=/dev/vda ro rootfstype=erofs init=/init -- /bin/sh -c \"\(command)\"",
      ], limit: patience + 100
    ) { child, output in
      for (step, order) in [("filled", "64 pages\n64M\n"), ("lent", "0\n"), ("back", "")]
      where resident[step] == nil && output.contains("STEP \(step)") {
        resident[step] = Self.guestMemory(of: child, mebibytes: 128)
        orders.write(Data(order.utf8))
      }
    }
    #expect(result.status == 0)
    let (filled, lent) = (resident["filled"] ?? 0, resident["lent"] ?? .max)
    #expect(filled > 72 && lent <= 64 && lent + 40 < filled, "\(resident)")
    #expect((resident["back"] ?? 0) > lent, "\(resident)")
    #expect(result.output.contains(Self.digest))
    #expect(result.error.contains("balloon: bad size: 64 pages: write it like"))
    // Where it was on its way when asked, it may not have been asked again before it went back.
    #expect(result.error.contains(" of 64 MiB; the guest has 113 MiB in all, "))
  }

  /// Of 17 MiB a guest has lent 8, and takes some back on its own for a file of 9, where it would be out of memory.
  @Test func takesBackOnItsOwnWhatItNeeds() throws {
    let command =
      "mount -t tmpfs -o size=16M t /tmp; while F=$(sed -n 's/^MemFree: *\\([0-9]*\\).*/\\1/p' /proc/meminfo); "
      + "[ $F -gt 7000 ]; do sleep 1; done; fallocate -l 9437184 /tmp/f && stat -c 'file of %s' /tmp/f"
    let result = try Program().run(
      [
        "boot", "--kernel", Built.folder("guest-kernels/linux/build", "up") + "/vmlinux", "--disk",
        Built.folder("guest-kernels/rootfs/build") + "/root.erofs,ro", "--memory", "32M", "--balloon",
        "8M,deflate-on-oom", "--time-limit", "\(patience)", "--cmdline",
        "root=/dev/vda ro rootfstype=erofs init=/init -- /bin/sh -c \"\(command)\"",
      ], limit: patience + 100)
    #expect(result.output.contains("file of 9437184"), "\(result.output.suffix(400))")
    #expect(!result.output.contains("Killed"))
    #expect(result.status == 0)
  }

  /// A guest tells of its own accord what it has freed: of 72 MiB that were in its memory once, little stays in the host's.
  @Test func reportsWhatIsFree() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var isReported = false
    let result = try Program().run(
      [
        "boot", "--kernel", Built.folder("guest-kernels/linux/build", "up") + "/vmlinux", "--initrd",
        Self.filling(in: folder), "--disk", Built.folder("guest-kernels/rootfs/build") + "/root.erofs,ro",
        // Linux reports nothing while less than 32 blocks of 4 MiB are free.
        "--memory", "256M", "--balloon", "0,reporting", "--time-limit", "\(patience)", "--cmdline",
        "root=/dev/vda ro rootfstype=erofs init=/init -- /bin/sh -c \"while :; do echo up; sleep 1; done\"",
      ], limit: patience + 100
    ) { child, output in
      guard !isReported, output.contains("up"), Self.guestMemory(of: child, mebibytes: 256) < 40 else {
        return
      }
      isReported = true
      kill(child, SIGTERM)
    }
    #expect(isReported)
    #expect(result.status == 143)
  }

  /// An initial RAM disk that is none: the host writes its 72 MiB into the guest's memory, and Linux looks at the first bytes
  /// and frees it, which takes far fewer instructions than writing as much.
  private static func filling(in folder: URL) throws -> String {
    let file = folder.appendingPathComponent("filling")
    try Data(repeating: 0x5A, count: 72 << 20).write(to: file)
    return file.path
  }

  /// MiB of the guest's RAM that are resident, or more than there are where it is not to be found.
  private static func guestMemory(of process: pid_t, mebibytes: Int) -> Int {
    let maps = FileHandle(forReadingAtPath: "/proc/\(process)/smaps")?.readDataToEndOfFile() ?? Data()
    var isGuest = false
    for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.first == "Size:" { isGuest = words[1] == "\(mebibytes << 10)" }
      if words.first == "Rss:", isGuest { return (Int(words[1]) ?? .max) >> 10 }
    }
    return .max
  }
}
