import Testing

@testable import Boot

@Suite struct ELFImageTests {
  private func failure(_ bytes: [UInt8]) -> ImageError? {
    do throws(ImageError) {
      _ = try KernelImage(reading: ImageBytes(bytes))
      return nil
    } catch { return error }
  }

  private func elf(_ bytes: [UInt8]) throws -> ELFImage {
    guard case .elf(let image) = try KernelImage(reading: ImageBytes(bytes)) else {
      throw ImageError.notAKernel(looksLike: nil)
    }
    return image
  }

  @Test func segmentsComeInOrderOfAddress() throws {
    var file = TestELF()
    file.headers = [
      .init(address: 0x30_0000), .init(offset: 0x1008, address: 0x10_0000, fileSize: 8),
      .init(address: 0x20_0000, fileSize: 0, memorySize: 0x1000),
      .init(address: 0x40_0000, fileSize: 0, memorySize: 0),
    ]
    let image = try elf(file.bytes)
    #expect(image.segments.map(\.physicalAddress) == [0x10_0000, 0x20_0000, 0x30_0000])
    #expect(image.segments[0].fileOffset == 0x1008)
    #expect(image.segments[0].fileSize == 8)
    #expect(image.physicalRange == 0x10_0000..<0x30_2000)
    #expect(image.entry == 0x10_0000)
    #expect(image.pvhEntry == nil)
    #expect(!image.isLinux)
  }

  @Test func notesNameTheEntryAndTheKernel() throws {
    let pvh = try elf(TestELF().with(note: 18, owner: "Xen", [0x34, 0x12, 0x10, 0]))
    #expect(pvh.pvhEntry == 0x10_1234)
    let linux = try elf(TestELF().with(note: 0x101, owner: "Linux", [0]))
    #expect(linux.isLinux)
    #expect(linux.notes == [.init(owner: "Linux", type: 0x101, contents: [0])])
    #expect(try elf(TestELF().with(note: 18, owner: "Xen", [1, 2])).pvhEntry == nil)
  }

  @Test func everyTruncationIsToldAsOne() {
    let bytes = TestELF().with(note: 18, owner: "Xen", [0, 0, 0x10, 0])
    #expect(failure(bytes) == nil)
    #expect(failure([]) == .empty)
    for count in 1..<4 {
      #expect(
        failure(Array(bytes.prefix(count))) == .notAKernel(looksLike: "the first \(count) bytes of an ELF"))
    }
    for count in 4..<bytes.count {
      guard case .truncated(_, _, UInt64(count)) = failure(Array(bytes.prefix(count))) else {
        Issue.record("\(count) bytes: \(String(describing: failure(Array(bytes.prefix(count)))))")
        return
      }
    }
  }

  @Test(
    arguments: [
      (4, 1, "is for a 32-bit machine; this host runs x86_64 kernels"),
      (4, 7, "is corrupt: ELF class 7; copy or build it again"),
      (5, 2, "is for a big-endian machine; this host runs x86_64 kernels"),
      (18, 183, "is for arm64; this host runs x86_64 kernels"),
      (18, 99, "is for ELF machine 99; this host runs x86_64 kernels"),
      (16, 1, "is an object file; link it to a vmlinux first"),
      (16, 4, "is a core dump; give a vmlinux or bzImage"),
      (16, 9, "is corrupt: ELF type 9; copy or build it again"),
      (54, 32, "is corrupt: program headers of 32 bytes; copy or build it again"),
      (56, 0, "has no program headers, so nothing to load; give a linked vmlinux"),
      (56, 200, "is corrupt: 200 program headers, more than 128; copy or build it again"),
      (64, 2, "has no loadable segment; give a linked vmlinux"),
    ] as [(Int, UInt8, String)])
  func whatIsWrongIsSaid(_ offset: Int, _ value: UInt8, _ text: String) {
    var bytes = TestELF().bytes
    bytes[offset] = value
    #expect(failure(bytes)?.description == text)
  }

  @Test func segmentsThatContradictAreRefused() {
    var file = TestELF()
    file.headers = [.init(), .init(address: 0x10_1fff)]
    #expect(failure(file.bytes) == .corrupt("two segments that both take address 0x101fff"))
    file.headers = [.init(fileSize: 0x10, memorySize: 0x8)]
    #expect(failure(file.bytes) == .corrupt("a segment with 16 bytes in the file and 8 in memory"))
    file.headers = [.init(address: .max - 1)]
    #expect(failure(file.bytes) == .corrupt("a segment that passes the end of the address space"))
    file.headers = [.init(offset: .max, fileSize: 2)]
    #expect(failure(file.bytes) == .corrupt("a segment that passes the end of the address space"))
    file.headers = [.init(), .init(type: 4, offset: 0, fileSize: 1 << 40)]
    #expect(failure(file.bytes) == .corrupt("more than 65536 bytes of notes"))
  }

  @Test func noFlippedByteTraps() {
    let bytes = TestELF().with(note: 18, owner: "Xen", [0, 0, 0x10, 0])
    var refused = 0
    for offset in Array(0..<200) + Array(0x800..<0x820) {
      for value: UInt8 in [0x00, 0x01, 0x7f, 0x80, 0xff] {
        var changed = bytes
        changed[offset] = value
        if failure(changed) != nil { refused += 1 }
      }
    }
    #expect(refused > 100)
  }

  @Test func otherFilesAreNamed() {
    #expect(failure([0x1f, 0x8b, 8, 0]) == .notAKernel(looksLike: "a gzip file"))
    #expect(failure(Array("#!/bin/sh\n".utf8)) == .notAKernel(looksLike: "a script"))
    #expect(failure(Array("070701000".utf8)) == .notAKernel(looksLike: "a cpio archive (an initrd?)"))
    #expect(failure([UInt8](repeating: 0, count: 600)) == .notAKernel(looksLike: nil))
    var arm = [UInt8](repeating: 0, count: 64)
    arm.replaceSubrange(0x38..<0x3c, with: Array("ARMd".utf8))
    #expect(failure(arm) == .wrongMachine("arm64"))
  }

  @Test(.enabled(if: has("readelf"))) func readelfAgrees() throws {
    let folder = try ScratchFolder()
    let path = try folder.write(TestELF().with(note: 18, owner: "Xen", [0, 0, 0x10, 0]), "kernel")
    let result = runTool("readelf -hlnW \(path)")
    #expect(result.status == 0)
    for text in ["EXEC", "X86-64", "0x100000", "Xen"] {
      #expect(result.output.contains(text), "\(result.output)")
    }
  }
}
