import DeviceFakes
import GuestMemory

@testable import Boot

/// A file's contents that can be brought into one guest's memory.
struct MemoryImage: LoadableImage {
  let contents: [UInt8]
  let memory: GuestMemory

  var size: UInt64 { UInt64(contents.count) }

  func bytes(at offset: UInt64, count: Int) throws(ImageError) -> [UInt8] {
    try ImageBytes(contents).bytes(at: offset, count: count)
  }

  func read(into slice: GuestSlice, at offset: UInt64) throws(ImageError) {
    let part = try bytes(at: offset, count: slice.count)
    do throws(GuestMemoryError) { try memory.copyIn(part.span.bytes, to: slice) } catch {
      throw .unreadable("\(error)")
    }
  }
}

extension FuzzTarget {
  /// The machine is in the first bytes, its kernel in the rest.
  static func boot(_ bytes: [UInt8]) throws {
    var script = Script(Array(bytes.prefix(16)))
    try boot(kernel: Array(bytes.dropFirst(16)), commandLine: "console=hvc0", &script)
  }

  /// The machine is in the first bytes, its command line in the rest; its kernel is a small right one.
  static func tables(_ bytes: [UInt8]) throws {
    var script = Script(Array(bytes.prefix(16)))
    let line = String(decoding: bytes.dropFirst(16), as: UTF8.self)
    try boot(kernel: smallKernel(isLinux: script.byte() % 2 == 0), commandLine: line, &script)
  }

  private static func boot(kernel: [UInt8], commandLine: String, _ script: inout Script) throws {
    let mebibyte: UInt64 = 1 << 20
    let sizes = [1, 2, 4, 64, 3072, 3073, 4096, 5000].map { $0 * mebibyte }
    let memory = try GuestMemory(size: sizes[script.number(below: sizes.count)])
    let windows = (0..<script.number(below: VirtioWindow.interrupts.count + 1)).compactMap(VirtioWindow.init)
    let plan = BootPlan(
      cpuCount: Int(script.byte()), virtio: windows, hasSerial: script.byte() % 2 == 0,
      commandLine: KernelCommandLine(commandLine),
      description: HardwareDescription.allCases[script.number(below: HardwareDescription.allCases.count)],
      randomSeed: script.byte() % 2 == 0 ? [] : [UInt8](repeating: 7, count: 32))
    let ramdisk = [UInt8](repeating: 0x3c, count: Int(script.byte()) * 1000)
    let image = MemoryImage(contents: kernel, memory: memory)
    let loaded: LoadedKernel
    do throws(BootError) {
      loaded = try BootLoader.load(
        plan, kernel: image, initrd: ramdisk.isEmpty ? nil : MemoryImage(contents: ramdisk, memory: memory),
        into: memory)
    } catch {
      return try checkLine("\(error)")
    }
    let machine = BootedMachine(memory: memory, plan: plan, loaded: loaded)
    try machine.checkPlaces()
    try machine.checkKernel(ELFImage(reading: image), kernel)
    try machine.checkRamdisk(ramdisk)
    try machine.checkParameters()
    try machine.checkDescription()
  }

  /// One segment at 1 MiB, and a note that makes it Linux or names an entry for PVH.
  private static func smallKernel(isLinux: Bool) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 0x200)
    bytes.replaceSubrange(0..<7, with: [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
    bytes.put(UInt16(2), at: 16)
    bytes.put(UInt16(62), at: 18)
    bytes.put(UInt64(0x10_0000), at: 24)
    bytes.put(UInt64(64), at: 32)
    bytes.put(UInt16(56), at: 54)
    bytes.put(UInt16(2), at: 56)
    for (place, type, offset, address, size) in [(64, 1, 0x180, 0x10_0000, 0x80), (120, 4, 0x100, 0, 24)] {
      bytes.put(UInt32(type), at: place)
      bytes.put(UInt64(offset), at: place + 8)
      bytes.put(UInt64(address), at: place + 24)
      bytes.put(UInt64(size), at: place + 32)
      bytes.put(UInt64(size), at: place + 40)
    }
    bytes.put(UInt32(isLinux ? 6 : 4), at: 0x100)
    bytes.put(UInt32(4), at: 0x104)
    bytes.put(UInt32(isLinux ? 0x101 : 18), at: 0x108)
    bytes.replaceSubrange(0x10c..<0x112, with: Array((isLinux ? "Linux\0" : "Xen\0\0\0").utf8))
    bytes.put(UInt32(0x10_0000), at: isLinux ? 0x114 : 0x110)
    return bytes
  }
}
