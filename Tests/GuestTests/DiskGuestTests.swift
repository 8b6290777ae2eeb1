import Foundation
import Testing

/// What a Linux guest does with a disk beside reading and writing.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct DiskGuestTests {
  /// The guest makes room in an ext4 that was full of a file, sees its disk grow, and finds its blocks and serial number.
  @Test(arguments: ["", ",direct,engine=io_uring"]) func trimsAndGrows(way: String) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let image = folder.appendingPathComponent("data.img").path
    let source = folder.appendingPathComponent("source")
    try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
    try Data(repeating: 0x5A, count: 8 << 20).write(to: source.appendingPathComponent("file"))
    try shell("truncate -s 16M \(image); mke2fs -q -F -t ext4 -O ^has_journal -d \(source.path) \(image)")
    let before = blocks(image)
    #expect(before > 8 << 11)
    let command =
      "mount -t ext4 /dev/vdb /mnt; rm /mnt/file; sync; fstrim -v /mnt; umount /mnt; echo STEP trimmed; "
      + "while [ $(cat /sys/block/vdb/size) != 49152 ]; do sleep 1; done; "
      + "cat /sys/block/vdb/serial /sys/block/vdb/queue/logical_block_size; echo; "
      + "dd if=/dev/zero of=/dev/vdb bs=4096 count=1 seek=6143 conv=notrunc && sync && echo STEP grown"
    var after = 0
    let result = try Program().run(
      [
        "boot", "--kernel", Built.folder("guest-kernels/linux/build", "up") + "/vmlinux", "--disk",
        Built.folder("guest-kernels/rootfs/build") + "/root.erofs,ro", "--disk", "\(image),id=data\(way)",
        "--time-limit", "\(patience)", "--cmdline",
        "root=/dev/vda ro rootfstype=erofs init=/init -- /bin/sh -c \"\(command)\"",
      ], limit: patience + 100
    ) { _ in
      guard after == 0 else { return }
      after = blocks(image)
      _ = try? shell("truncate -s 24M \(image)")
    }
    #expect(result.status == 0, "\(result.output) \(result.error)")
    #expect(result.error == "")
    #expect(result.output.contains("STEP trimmed"))
    #expect(result.output.contains("STEP grown"))
    #expect(result.output.contains("data"))
    #expect(after < before - 7 << 11, "\(before) blocks became \(after)")
  }

  /// A library that stands before liburing says no as a host does that forbids it.
  @Test func saysWhereThereIsNoRing() throws {
    let source = "int io_uring_queue_init(unsigned n, void *ring, unsigned flags) { return -1; }"
    let result = try Fixtures().run(
      """
      echo '\(source)' | clang -shared -fPIC -x c -o no.so - && LD_PRELOAD=$PWD/no.so $S boot --kernel hello \\
      --disk disk,engine=io_uring
      """)
    #expect(result.status == 0)
    #expect(
      result.error
        == "swiftlet: disk disk: engine sync is used, io_uring is not to be had: Operation not permitted\n")
  }

  private func blocks(_ path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_blocks) : -1
  }

  private func shell(_ command: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "PATH=$PATH:/sbin:/usr/sbin; " + command]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(command)")
  }
}
