import Foundation
import Testing

/// Debian's own kernel, as Debian built it, to user space.
@Suite(
  .enabled(if: hasKVM, "/dev/kvm is not usable here"),
  .enabled(if: asksForStockKernel, "takes many minutes where kernels are interpreted: `make test-stock`"))
struct StockKernelTests {
  @Test func bootsFromItsVmlinuz() throws {
    let stock = try Built.folder("guest-kernels/stock/build")
    let root = try Built.folder("guest-kernels/rootfs/build") + "/root.erofs"
    let result = try Program().run(
      [
        "boot", "--kernel", "\(stock)/vmlinuz", "--initrd", "\(stock)/initramfs.cpio", "--disk", root + ",ro",
        "--memory", "256M", "--console", "serial", "--timeline", "--time-limit", "5400", "--append",
        "nokaslr nopti mitigations=off pci=off tsc=reliable lsm= audit=0 nowatchdog cryptomgr.notests",
      ], limit: 5500)
    print(result.output, result.error)
    #expect(result.output.contains("kernel   Linux 6.1"))
    #expect(result.output.contains("cloud-amd64"))
    #expect(result.output.contains("root     erofs, read-only"))
    #expect(result.status == 0)
  }
}

private let asksForStockKernel = ProcessInfo.processInfo.environment["SWIFTLET_STOCK"] == "1"
