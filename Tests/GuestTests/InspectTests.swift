import Foundation
import Testing

/// `swiftlet inspect` on what the guests' scripts built.
struct InspectTests {
  private func facts(_ path: String) throws -> [String: Any] {
    let result = try Program().run(["inspect", "--json", path])
    #expect(result.status == 0 && result.error == "", "\(result.error)")
    return try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
  }

  @Test func ourKernelsAreTheSamePackedAndUnpacked() throws {
    let folder = try Built.folder("guest-kernels/linux/build", "up")
    let (packed, unpacked) = (try facts(folder + "/bzImage"), try facts(folder + "/vmlinux"))
    #expect(packed["format"] as? String == "bzImage")
    #expect(unpacked["format"] as? String == "ELF")
    for name in ["entry", "build-id", "banner", "CONFIG_VIRTIO_MMIO", "CONFIG_SMP"] {
      #expect(packed[name] as? NSObject == unpacked[name] as? NSObject)
    }
    #expect(packed["unpacked-size"] as? Int ?? 0 > 1 << 20)
    #expect((unpacked["banner"] as? String)?.hasPrefix("Linux version 6.1.") == true)
    #expect(unpacked["CONFIG_VIRTIO_MMIO"] as? String == "y")
    let memory = try #require(unpacked["memory"] as? [String: UInt64])
    let (start, end) = (try #require(memory["start"]), try #require(memory["end"]))
    #expect(start >= 1 << 20 && start < end && memory.count == 2)
    #expect(unpacked["remark"] == nil)
  }

  @Test(arguments: [
    ("initramfs.cpio", "cpio archive", "--initrd"), ("root.erofs", "EROFS file system", "--disk"),
    ("root.ext4", "ext2, ext3 or ext4 file system", "--disk"),
  ])
  func rootFileSystemsAreNamed(_ name: String, _ format: String, _ use: String) throws {
    let facts = try facts(try Built.folder("guest-kernels/rootfs/build") + "/" + name)
    #expect(facts["format"] as? String == format)
    #expect(facts["use"] as? String == use)
  }

  @Test func anythingElseIsRefused() throws {
    let result = try Program().run(["inspect", "/etc/passwd"])
    #expect(result.status == 65)
    #expect(result.error.hasPrefix("swiftlet: unknown file: /etc/passwd: is nothing known: neither"))
  }
}
