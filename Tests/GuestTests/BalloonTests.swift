import Foundation
import Testing

/// Memory of a Linux guest that the host gets, and gives again.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct BalloonGuestTests {
  /// The guest fills 80 MiB of its memory, frees them, and lends 64 MiB when told to; it gets them back and fills them
  /// again. What is resident in the host shows each step.
  @Test func lends64Of128MebibytesAndTakesThemBack() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let control = folder.appendingPathComponent("balloon").path
    #expect(mkfifo(control, 0o600) == 0)
    let orders = try #require(FileHandle(forUpdatingAtPath: control))
    let fill = "dd if=/dev/zero of=/tmp/f bs=1M count=80 2>/dev/null; rm /tmp/f"
    func free(_ test: String) -> String {
      "while F=$(sed -n 's/^MemFree: *\\([0-9]*\\).*/\\1/p' /proc/meminfo); ! [ $F \(test) ]; do sleep 1; done"
    }
    let command =
      "mount -t tmpfs -o size=100M t /tmp; \(fill); echo STEP filled; \(free("-lt 50000")); echo STEP lent; "
      + "\(free("-gt 80000")); \(fill); echo STEP back; sleep 1"
    var resident: [Int] = []
    var steps = 0
    let result = try Program().run(
      [
        "boot", "--kernel", Built.folder("guest-kernels/linux/build", "up") + "/vmlinux", "--disk",
        Built.folder("guest-kernels/rootfs/build") + "/root.erofs,ro", "--balloon",
        "0,deflate-on-oom,stats=5,control=\(control)", "--time-limit", "300", "--cmdline",
        "root=/dev/vda ro rootfstype=erofs init=/init -- /bin/sh -c \"\(command)\"",
      ], limit: 320
    ) { child in
      steps += 1
      resident.append(Self.guestMemory(of: child))
      if steps == 1 { orders.write(Data("nonsense\n64M\n".utf8)) }
      if steps == 2 { orders.write(Data("0\n".utf8)) }
    }
    print(resident, result.output, result.error)
    #expect(result.status == 0)
  }

  /// MiB of the guest's RAM that are resident.
  private static func guestMemory(of process: pid_t) -> Int {
    let maps = (try? String(contentsOfFile: "/proc/\(process)/smaps", encoding: .utf8)) ?? ""
    var isGuest = false
    for line in maps.split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.first == "Size:" { isGuest = words[1] == "131072" }
      if words.first == "Rss:", isGuest { return (Int(words[1]) ?? 0) >> 10 }
    }
    return 0
  }
}
