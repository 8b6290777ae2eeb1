import Foundation
import Testing

/// Our Linux guest kernels on the real KVM.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct LinuxTests {
  /// What boots a kernel with the root file system, and runs `command` as the only workload where one is given.
  private func boot(
    _ image: String, of flavour: String = "up", _ command: String? = nil, _ more: [String] = []
  ) throws -> Program.Result {
    let kernel = try Built.folder("guest-kernels/linux/build", flavour) + "/\(image)"
    let disk = try Built.folder("guest-kernels/rootfs/build") + "/root.erofs"
    let workload = command.map { " -- /bin/sh -c \"\($0)\"" } ?? ""
    return try Program().run(
      [
        "boot", "--kernel", kernel, "--disk", disk + ",ro", "--time-limit", "\(patience)", "--cmdline",
        "root=/dev/vda ro rootfstype=erofs init=/init\(workload)",
      ] + more, limit: patience + 100)
  }

  @Test func bootsToUserSpaceFromADisk() throws {
    let result = try boot("vmlinux")
    #expect(result.output.contains("kernel   Linux 6.1"))
    #expect(result.output.contains("disk     vda"))
    #expect(result.output.contains("root     erofs, read-only"))
    #expect(result.error == "")
    #expect(result.status == 0)
  }

  /// Linux with the driver tells of its panic at once, although it would stop there for ever.
  @Test(arguments: ["acpi", "fdt"].prefix(runsLongTests ? 2 : 1)) func tellsOfItsPanicByItsDevice(way: String)
    throws
  {
    let kernel = try Built.folder("guest-kernels/linux/build", "smp") + "/vmlinux"
    let disk = try Built.folder("guest-kernels/rootfs/build") + "/root.erofs"
    let result = try Program().run(
      [
        "boot", "--kernel", kernel, "--describe", way, "--disk", disk + ",ro", "--time-limit", "\(patience)",
        "--cmdline", "root=/dev/vda ro rootfstype=erofs init=/nowhere panic=0",
      ], limit: patience + 100)
    #expect(result.status == 80)
    #expect(result.error.contains("\nswiftlet: the guest's kernel panicked\n"))
    #expect(result.error.contains("Kernel panic - not syncing: Requested init /nowhere failed"))
  }

  @Test func carriesTheStatusOfACommandThrough() throws {
    #expect(try boot("vmlinux", "exit 42").status == 42)
  }

  /// A packed kernel, two processors at work at a time, and a file system that the guest changes and the host reads.
  @Test func twoProcessorsOfABzImageChangeADisk() throws {
    let image = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-\(UUID()).ext4").path
    defer { unlink(image) }
    _ = try tool("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", image, "2M")
    let result = try boot(
      "bzImage", of: "smp",
      """
      mount -t ext4 /dev/vdb /mnt; grep -c ^processor /proc/cpuinfo; \
      for n in 0 1; do taskset $((1<<n)) cut -d' ' -f39 /proc/self/stat > /mnt/processor$n & done; \
      wait; cat /mnt/processor0 /mnt/processor1; uname -r > /mnt/release
      """, ["--cpus", "2", "--disk", image])
    #expect(result.status == 0)
    #expect(result.output.hasSuffix("2\r\n0\r\n1\r\n"), "\(result.output)")
    #expect(try tool("debugfs", "-R", "cat /release", image).hasPrefix("6.1."))
    #expect(try tool("debugfs", "-R", "cat /processor1", image) == "1\n")
    _ = try tool("e2fsck", "-fn", image)
  }

  /// A program that jumps to where SYSCALL lands, with flags of its own, gets no further than one that executes it.
  @Test(.enabled(if: needsWorkarounds, "this host's processor has VMX or SVM"))
  func entersTheKernelWithTheFlagsItExpects() throws {
    let programs = try Built.folder("guest-kernels/programs/build") + "/programs.erofs"
    let result = try boot(
      "vmlinux", "mount -t erofs /dev/vdb /mnt; /mnt/entry", ["--disk", programs + ",ro"])
    #expect(result.output.contains("entry: read 4096, 4096 inside, 0 outside"), "\(result.output)")
    #expect(result.status == 0)
  }

  /// The walls of a machine that can only read leave out what brings writes to the disk: flushes are asked for all the same.
  @Test func flushesOfWhatIsOnlyReadAreDone() throws {
    let folder = try PrivateFolder()
    try Data("contents".utf8).write(to: URL(fileURLWithPath: folder.path + "/file"))
    let result = try boot(
      "vmlinux",
      "sync /dev/vda && echo disk; mount -t virtiofs docs /mnt && sync /mnt/file && sync -d /mnt/file && echo share",
      ["--share", "\(folder.path),tag=docs"])
    #expect(result.output.hasSuffix("disk\r\nshare\r\n"), "\(result.output)")
    #expect(result.error == "")
    #expect(result.status == 0)
  }

  /// Programs use the widest vector registers that the processor has; the kernel has to keep all of them.
  @Test func processesKeepTheirVectorRegisters() throws {
    let programs = try Built.folder("guest-kernels/programs/build") + "/programs.erofs"
    let result = try boot(
      "vmlinux", "mount -t erofs /dev/vdb /mnt; /mnt/vectors", ["--disk", programs + ",ro"])
    #expect(result.output.contains(" bytes: 0 lost at switches, 0 at signals"), "\(result.output)")
    #expect(result.status == 0)
  }

  /// Interrupts to some processors and not to all, which Linux sends by hypercalls where it believes in them.
  @Test func fourProcessorsInterruptEachOther() throws {
    let programs = try Built.folder("guest-kernels/programs/build") + "/programs.erofs"
    let result = try boot(
      "vmlinux", of: "smp", "mount -t erofs /dev/vdb /mnt; /mnt/shootdown",
      ["--cpus", "4", "--disk", programs + ",ro"])
    #expect(result.output.contains("shootdown: done on 4 processors"), "\(result.output)")
    #expect(result.status == 0)
  }

  /// Every form of the kernel with every description of the hardware.
  @Test(
    .enabled(if: runsLongTests, "takes minutes: `make test-long`"),
    arguments: ["vmlinux"] + ["gzip", "bzip2", "lzma", "xz", "lz4", "zstd"].map { "bzImage.\($0)" },
    ["fdt", "acpi", "mptable"])
  func bootsInEveryForm(image: String, description: String) throws {
    let result = try boot(image, of: "smp", nil, ["--describe", description])
    #expect(result.output.contains("root     erofs, read-only"))
    #expect(result.error == "")
    #expect(result.status == 0)
  }

  /// Runs a program of e2fsprogs.
  /// - Returns: what it prints to standard output.
  private func tool(_ name: String, _ arguments: String...) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/sbin/\(name)")
    process.arguments = arguments
    let output = Pipe()
    (process.standardOutput, process.standardError) = (output, FileHandle.nullDevice)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(name): \(text)")
    return text
  }
}
