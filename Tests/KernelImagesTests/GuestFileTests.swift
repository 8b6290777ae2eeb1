import Boot
import Configuration
import KernelImages
import Testing

struct GuestFileTests {
  private static let conversion = "none: convert it to a raw image, as with qemu-img convert -O raw"

  private func report(_ offset: Int, _ magic: [UInt8]) throws -> Report {
    var bytes = [UInt8](repeating: 0, count: 4096)
    bytes.replaceSubrange(offset..<(offset + magic.count), with: magic)
    return try ImageReport(of: ImageBytes(bytes), name: "f").report
  }

  @Test(
    arguments: [
      (0, Array("070701".utf8), "cpio archive", "--initrd"), (0, [0x1F, 0x8B], "gzip stream", "--initrd"),
      (0x438, [0x53, 0xEF], "ext2, ext3 or ext4 file system", "--disk"),
      (0x400, [0xE2, 0xE1, 0xF5, 0xE0], "EROFS file system", "--disk"),
      (0, Array("KDMV".utf8), "VMDK", conversion), (0x40, [0x7F, 0x10, 0xDA, 0xBE], "VDI", conversion),
      (0, Array("vhdxfile".utf8), "VHDX", conversion),
      (0x200, Array("EFI PART".utf8), "disk with a GUID partition table", "--disk"),
    ] as [(Int, [UInt8], String, String)])
  func saysWhatAFileIsFor(_ offset: Int, _ magic: [UInt8], _ format: String, _ use: String) throws {
    let report = try report(offset, magic)
    #expect(report["format"] == .text(format))
    #expect(report["use"] == .text(use))
  }

  @Test func refusesWhatItDoesNotKnow() {
    #expect(throws: Diagnostic.self) { try report(0, [1]) }
  }
}
