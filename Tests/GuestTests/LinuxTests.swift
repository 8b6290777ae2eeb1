import Testing

/// Our Linux guest kernels on the real KVM.
@Suite(.enabled(if: hasKVM, "/dev/kvm is not usable here"), .serialized)
struct LinuxTests {
  @Test func bootsToUserSpaceFromADisk() throws {
    let kernel = try Built.folder("guest-kernels/linux/build", "up") + "/vmlinux"
    let disk = try Built.folder("guest-kernels/rootfs/build") + "/root.erofs"
    let result = try Program().run(
      [
        "boot", "--kernel", kernel, "--disk", disk + ",ro", "--time-limit", "240", "--cmdline",
        "root=/dev/vda ro rootfstype=erofs init=/init",
      ], limit: 300)
    #expect(result.output.contains("kernel   Linux 6.1"))
    #expect(result.output.contains("disk     vda"))
    #expect(result.output.contains("root     erofs, read-only"))
    #expect(result.error == "")
    #expect(result.status == 0)
  }

  @Test func carriesTheStatusOfACommandThrough() throws {
    let kernel = try Built.folder("guest-kernels/linux/build", "up") + "/vmlinux"
    let disk = try Built.folder("guest-kernels/rootfs/build") + "/root.erofs"
    let result = try Program().run(
      [
        "boot", "--kernel", kernel, "--disk", disk + ",ro", "--time-limit", "240", "--cmdline",
        "root=/dev/vda ro rootfstype=erofs init=/init -- /bin/sh -c \"exit 42\"",
      ], limit: 300)
    #expect(result.status == 42)
  }
}
